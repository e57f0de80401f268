"""Move installer's modules into packages; rewrite imports, strings, links. Run in a clean worktree root."""
import ast, os, re, subprocess, sys
from pathlib import Path

MAP = {
 # commands
 "verbs.doctor":"commands.doctor","verbs.down":"commands.down","verbs.new":"commands.new","verbs.open":"commands.open",
 "verbs.plan":"commands.plan","verbs.rollback":"commands.rollback","verbs.status":"commands.status","verbs.up":"commands.up",
 "options":"commands.options","offer":"commands.after_generation","resume":"support.resume_command","origin":"commands.template_source",
 # ui
 "console":"ui.console","progress":"ui.progress","timeline":"ui.timeline","documents":"ui.json_documents",
 # status
 "health":"status.report","delivered":"status.deployment_record","history":"status.deployment_history","live":"status.rollout",
 "verdict":"status.deployment_status","closing":"status.close_deployment","telling":"status.report_deployment",
 "deployments":"status.github_deployments","synced":"status.sync_state","running_image":"status.running_image",
 "in_cluster":"status.in_cluster","reporting":"status.reporter_main",
 # preflight
 "preflight":"preflight.run","permissions":"preflight.permissions","permissions_page":"preflight.permissions_page",
 "checks.actions":"preflight.github_actions","checks.check":"preflight.check","checks.cluster":"preflight.cluster",
 "checks.database":"preflight.database","checks.finding":"preflight.finding","checks.gitlab":"preflight.gitlab",
 "checks.image":"preflight.registry_login","checks.other_ci":"preflight.external_ci","checks.owner":"preflight.owner",
 "checks.ownership":"preflight.ownership","checks.repository":"preflight.repository","checks.token":"preflight.token",
 "checks.tools":"preflight.tools",
 # project
 "world":"project.project","hosts":"project.forges","kind":"project.forge_kind","at_gitlab":"project.gitlab",
 # resources
 "resources.noticing":"resources.watcher","watcher":"resources.watcher_pod","watcher_policy":"resources.watcher_policy",
 "reporter":"resources.reporter_pod","resources.content":"resources.initial_push","resources.delivery":"resources.first_deployment",
 "resources.application":"resources.application","resources.argo_cd":"resources.argocd","resources.database_address":"resources.database_address",
 "resources.former":"resources.former_objects","resources.former_repository":"resources.former_repository","resources.namespace":"resources.namespace",
 "resources.pull_secret":"resources.pull_secret","resources.reporter":"resources.reporter","resources.reporter_app":"resources.reporter_app",
 "resources.repository_credential":"resources.repository_credential","resources.webhook":"resources.webhook",
 "resources.push_key":"resources.push_key","resources.repository":"resources.github_repository","resources.rules":"resources.github_rules",
 "resources.gitlab_project":"resources.gitlab_project","resources.gitlab_rules":"resources.gitlab_rules",
 # ci
 "ci":"ci.base","github_actions":"ci.github_actions","gitlab_ci":"ci.gitlab_ci","circleci":"ci.circleci","travis_ci":"ci.travis_ci",
 "runs":"ci.pipelines","json_api":"ci.json_api","resources.ci_variables":"ci.external_variables","resources.variables":"ci.variables",
 "resources.registry_token":"ci.registry_token","resources.environment_token":"ci.environment_token",
 "resources.gitlab_push_access":"ci.gitlab_push_access",
 # forges
 "host":"forges.base","git":"forges.git","rest":"forges.http","clients":"forges.clients","credentials":"forges.credentials",
 "webhooks":"forges.webhooks","deploy_key":"forges.deploy_keys","refused":"forges.api_errors","rate_limit":"forges.rate_limit","lease":"forges.lock",
 "github":"forges.github.repository","github_rest":"forges.github.rest","github_webhooks":"forges.github.webhooks","github_app":"forges.github.app",
 "app_github":"forges.github.app_client","app_login":"forges.github.app_login","registering":"forges.github.register_app",
 "resources.deploy_keys":"forges.github.deploy_keys",
 "gitlab":"forges.gitlab.project","gitlab_rest":"forges.gitlab.rest","gitlab_webhooks":"forges.gitlab.webhooks","gitlab_refused":"forges.gitlab.api_errors",
 "gitlab_login":"forges.gitlab.login","resources.gitlab_deploy_keys":"forges.gitlab.deploy_keys",
 # cluster
 "kubectl":"cluster.kubectl","listening":"cluster.kubectl_stream","kubeconfig":"cluster.kubeconfig","helm":"cluster.helm","release":"cluster.helm_release",
 "argocd":"cluster.argocd","argocd_values":"cluster.argocd_values","components":"cluster.argocd_inventory","default_project":"cluster.argocd_default_project",
 "ending":"cluster.deletion","marks":"cluster.labels","kube_secret":"cluster.secrets","pod_security":"cluster.pod_security","beside":"cluster.sidecar_pods",
 "webhook_secret":"cluster.webhook_secret","reach":"cluster.transient_errors","pods":"cluster.pods","answers":"cluster.pod_answers","way_in":"cluster.service_address",
 "certificates":"cluster.certificates","host_keys":"cluster.host_keys",
 # engine
 "resource":"engine.resource","converge":"engine.reconcile",
 # config
 "settings":"config.settings","settings_file":"config.settings_file","deployable":"config.deployable_kinds",
 # support
 "errors":"support.errors","secret":"support.secret","shell":"support.process","wait":"support.wait","turn":"support.file_lock","trust":"support.tls",
 "believing":"support.pod_tls","registry":"ci.registry","registry_trouble":"support.registry_errors","http_client":"support.http_client",
 "plain_text":"support.plain_text","environment":"support.environment","manifest":"support.manifest","writing":"support.write_guard",
 "first_commit":"commands.first_commit","troubles":"cluster.workload_errors",
 # packages
 "verbs":"commands","checks":"preflight","resources":"resources",
}
PACKAGES = {
 "commands":"The commands: one file each, one function each. Only cli.py and the hook import them.",
 "ui":"What people and machines read: console, progress, JSON. Only commands import it.",
 "status":"What was deployed, what the pods answer, and the wait until both agree. Commands and ui import it.",
 "preflight":"What is checked before the first write; run.py lists all of it and says when each is asked. Commands, ui and status import it.",
 "project":"One project and all that it is wired to: the only place that wires. Everything above imports it, nothing below.",
 "resources":"The remote things that the installer looks after, one file each. Only project and what stands above it import them.",
 "ci":"The CIs: what is asked of each, and what each needs to know. Resources and all above import it.",
 "forges":"The code hosts, git, and the HTTP that they speak. Ci, resources and all above import it.",
 "forges.github":"GitHub, as the place that keeps the code.",
 "forges.gitlab":"GitLab, as the place that keeps the code.",
 "cluster":"The cluster: kubectl reads, helm writes, and what Argo CD's objects say. Everything above imports it.",
 "engine":"What every remote thing has in common, and the loops that plan and apply. It knows no code host, no CI and no cluster.",
 "config":"gitops.yaml: the settings of one project. It knows nothing but support.",
 "support":"What is not about this project's subject: processes, secrets, TLS, waiting. It imports nothing of the installer.",
}
ROOT = Path.cwd()
def mod(path): 
    p=path.with_suffix("").as_posix().removeprefix("installer/").replace("/",".")
    return p.removesuffix(".__init__") if p!="__init__" else ""
old_files=[p for p in Path("installer").rglob("*.py")]
missing=[mod(p) for p in old_files if mod(p) not in MAP and mod(p) not in ("","__main__","cli")]
if missing: print("UNMAPPED",missing)
for m in missing:
    if m not in MAP: MAP[m]=m
OLD=set(mod(p) for p in old_files)|{"verbs","checks","resources"}
new_of=lambda m: MAP.get(m,m)
def is_mod(m): return m in OLD

def rewrite(src, this_old, this_new, is_pkg=False):
    """Rewrite imports. this_old/new: dotted below installer ('' for outside files)."""
    tree=ast.parse(src); lines=src.splitlines(keepends=True)
    edits=[]; renames={}
    bound={n.id for n in ast.walk(tree) if isinstance(n,ast.Name) and isinstance(n.ctx,ast.Store)}|{n.arg for n in ast.walk(tree) if isinstance(n,ast.arg)}|{n.name for n in ast.walk(tree) if isinstance(n,(ast.FunctionDef,ast.ClassDef))}
    inside = this_old is not None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                if not inside: continue
                base=this_old.split(".")
                if not is_pkg: base=base[:-1]
                base=base[:len(base)-(node.level-1)] if node.level>1 else base
                m=".".join([b for b in base if b]+([node.module] if node.module else []))
            else:
                if not (node.module and (node.module=="installer" or node.module.startswith("installer."))): continue
                m=node.module.removeprefix("installer").lstrip(".")
            groups={}
            for a in node.names:
                q=(m+"."+a.name).lstrip(".")
                if is_mod(q) and (m=="" or m in("verbs","checks","resources")):   # a module is imported
                    n=new_of(q); pkg,_,leaf=n.rpartition(".")
                    asname=a.asname
                    if asname is None and leaf!=a.name:
                        if leaf in bound:
                            asname=f"{pkg.split('.')[-1]}_{leaf}"
                        renames[a.name]=asname or leaf
                    if asname==leaf: asname=None
                    groups.setdefault(pkg,[]).append(leaf+(f" as {asname}" if asname else ""))
                else:
                    groups.setdefault(new_of(m),[]).append(a.name+(f" as {a.asname}" if a.asname else ""))
            out=[]
            for pkg,names in groups.items():
                if node.level:
                    cur=this_new.split("."); cur=cur if is_pkg else cur[:-1]
                    tgt=pkg.split(".") if pkg else []
                    common=0
                    # relative path
                    while common<len(cur) and common<len(tgt) and cur[common]==tgt[common]: common+=1
                    dots="."*(len(cur)-common+1)
                    rel=dots+".".join(tgt[common:])
                    out.append(f"from {rel} import {', '.join(names)}")
                else:
                    out.append(f"from installer{'.'+pkg if pkg else ''} import {', '.join(names)}")
            edits.append((node.lineno,node.end_lineno,node.col_offset,out))
        elif isinstance(node, ast.Import):
            for a in node.names:
                if a.name.startswith("installer."):
                    print("plain import",this_old,a.name)
    # rename module names used as identifiers
    if renames:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in renames:
                edits.append((node.lineno,None,node.col_offset,(node.id,renames[node.id])))
    # apply name edits first per line right to left (byte offsets)
    byline={}
    for e in edits:
        if e[1] is None: byline.setdefault(e[0],[]).append(e)
    for ln,es in byline.items():
        b=lines[ln-1].encode()
        for _,_,col,(o,n) in sorted(es,key=lambda e:-e[2]):
            assert b[col:col+len(o)]==o.encode(),(this_old,ln,lines[ln-1],o)
            b=b[:col]+n.encode()+b[col+len(o):]
        lines[ln-1]=b.decode()
    for s,e,col,out in sorted((x for x in edits if x[1] is not None),key=lambda e:-e[0]):
        tail=""
        last=lines[e-1]
        if "#" in last: tail="  "+last[last.index("#"):].rstrip("\n")
        ind=" "*col
        lines[s-1:e]=["\n".join(ind+o for o in out)+tail+"\n"]
    return "".join(lines)

# text: dotted and path references
pairs=[]
for o,n in MAP.items():
    if o in ("verbs","checks","resources") or o==n: continue
    pairs.append((o,n))
pairs.sort(key=lambda p:-len(p[0]))
lookup=dict(pairs)
alts="|".join(re.escape(o) for o,_ in pairs)
paths="|".join(re.escape(o.replace(".","/")) for o,_ in pairs)
dotted=re.compile(r"\b(installer|gitops_flask)\.("+alts+r")\b(?!\.py\b|/)(?=[\.\"'` :)\]]|$)",re.M)
pathed=re.compile(r"\b(installer|gitops_flask)/("+paths+r")\.py\b")
leafs={}
for o,n in pairs:
    leafs.setdefault(o.split(".")[-1],set()).add((o,n))
leafre=re.compile(r"(?<![\w/.-])("+"|".join(re.escape(k) for k in sorted(leafs,key=len,reverse=True))+r")\.py\b")
def text(s, doc_only=False):
    s=pathed.sub(lambda m:f"{m[1]}/{lookup[m[2].replace('/','.')].replace('.','/')}.py",s)
    s=dotted.sub(lambda m:f"{m[1]}.{lookup[m[2]]}",s)
    def leaf(m):
        c=leafs[m[1]]
        if len(c)==1:
            n=next(iter(c))[1]
            return n.split(".")[-1]+".py"
        top=[x for x in c if "." not in x[0]]
        return (top or list(c))[0][1].split(".")[-1]+".py"
    return s, leaf

import io, tokenize
def py_text(src, leafs_too):
    """Apply text() to strings and comments alone."""
    lines=src.splitlines(keepends=True); edits=[]
    kinds={tokenize.STRING,tokenize.COMMENT}|({tokenize.FSTRING_MIDDLE} if hasattr(tokenize,"FSTRING_MIDDLE") else set())
    for t in tokenize.generate_tokens(io.StringIO(src).readline):
        if t.type in kinds:
            new,leaf=text(t.string)
            if leafs_too: new=leafre.sub(leaf,new)
            if new!=t.string: edits.append((t.start,t.end,new))
    for (sl,sc),(el,ec),new in reversed(edits):
        head=lines[sl-1][:sc]; tail=lines[el-1][ec:]
        lines[sl-1:el]=[head+new+tail]
    return "".join(lines)
files=subprocess.run(["git","ls-files"],capture_output=True,text=True,check=True).stdout.split("\n")
texts=[Path(f) for f in files if f and not f.startswith("installer/") and not f.startswith("{{") and Path(f).suffix in(".py",".md",".toml",".yml",".yaml",".sh","") and Path(f).is_file() and not Path(f).is_symlink()]
out={}
for p in old_files:
    o=mod(p); 
    n=new_of(o) if o not in("","__main__","cli") else o
    src=p.read_text()
    is_pkg=p.name=="__init__.py"
    if is_pkg and o: continue
    s=rewrite(src, o or "__init__", n or "__init__", False) if o else src
    out[p]=(n,py_text(s,True))
for p in texts:
    s=p.read_text()
    t=rewrite(s,None,None) if p.suffix==".py" else s
    t=py_text(t,False) if p.suffix==".py" else text(t)[0]
    if p.suffix==".py" and p.parts[0]=="tests" or p.suffix==".md": 
        # only in-words mentions of unique installer modules: link texts `x.py` beside links are paths above
        t=re.sub(r"\[`("+"|".join(re.escape(k) for k in leafs)+r")\.py`\]\((\.\./)*installer", lambda m: m[0].replace(m[1]+".py", next(iter(leafs[m[1]]))[1].split(".")[-1]+".py",1) , t)
    if t!=s: p.write_text(t)
# move
for p in old_files:
    if p.name=="__init__.py" and mod(p): continue
    n,s=out[p]
    q=Path("installer")/(n.replace(".","/")+".py") if n else p
    q.parent.mkdir(parents=True,exist_ok=True)
    if q!=p: 
        # two-step to avoid file/dir clashes (github.py vs github/)
        subprocess.run(["git","mv","-f",str(p),str(q)],check=True)
for p in old_files:
    if p.name=="__init__.py" and mod(p): continue
    n,s=out[p]
    q=Path("installer")/(n.replace(".","/")+".py") if n else p
    q.write_text(s)
for k,d in PACKAGES.items():
    q=Path("installer")/k.replace(".","/")/"__init__.py"
    q.parent.mkdir(parents=True,exist_ok=True)
    first,_,rest=d.partition(". ")
    q.write_text(f'"""{first}.\n\n{rest}\n"""\n' if rest else f'"""{first}"""\n')
for old in ("verbs","checks"):
    f=Path("installer")/old/"__init__.py"
    if f.exists(): subprocess.run(["git","rm","-qf",str(f)],check=True)
subprocess.run(["git","add","-A"],check=True)
