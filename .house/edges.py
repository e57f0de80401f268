import ast,os,sys
order="cli commands ui status preflight project resources ci forges cluster engine config support".split()
rank={k:i for i,k in enumerate(order)}
bad={}
for d,_,fs in os.walk('installer'):
    for f in fs:
        if not f.endswith('.py'): continue
        p=os.path.join(d,f); n=p[:-3].replace('/','.').removesuffix('.__init__'); parts=n.split('.')
        if len(parts)<2: continue
        pk=parts[1]
        pkg=parts if f=='__init__.py' else parts[:-1]
        for x in ast.walk(ast.parse(open(p).read())):
            if isinstance(x,ast.ImportFrom) and x.level:
                base=pkg[:len(pkg)-(x.level-1)]; m=base+(x.module.split('.') if x.module else [])
                tg=m[1] if len(m)>1 else None
                if tg is None: 
                    for a in x.names: tg=a.name
                if tg in rank and pk in rank and rank[tg]<rank[pk]: print(n,'->','.'.join(m),[a.name for a in x.names])
