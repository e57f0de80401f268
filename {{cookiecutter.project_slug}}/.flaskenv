FLASK_APP={{ cookiecutter.__module }}.app
