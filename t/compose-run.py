"""docker/compose.yaml by podman alone: compose-run.py PROJECT up|down.

For podman-compose older than 1.1, which knows no "network_mode: service:…".
Understands what that file uses, and nothing else.
"""
import subprocess
import sys
import time

import yaml

WAIT_S = 90
KNOWN = {'build', 'image', 'command', 'ports', 'volumes', 'read_only', 'tmpfs', 'cap_drop', 'security_opt',
         'network_mode', 'depends_on', 'healthcheck', 'stop_grace_period'}


def podman(*words, quiet=False):
    out = subprocess.DEVNULL if quiet else None
    return subprocess.run(['podman', *words], stdout=out, stderr=out, check=False).returncode


def wait_healthy(name):
    end = time.time() + WAIT_S
    while podman('healthcheck', 'run', name, quiet=True) != 0:
        if time.time() > end:
            podman('logs', name)
            sys.exit(f'{name} is not healthy after {WAIT_S} s')
        time.sleep(0.5)


def run(project, name, service):
    if set(service) - KNOWN:
        sys.exit(f'{name}: {set(service) - KNOWN} is new: adapt t/compose-run.py')
    for other in service.get('depends_on', {}):
        wait_healthy(f'{project}-{other}')
    words = ['run', '-d', '--name', f'{project}-{name}']
    for option, values in (('-p', service.get('ports', [])), ('--tmpfs', service.get('tmpfs', [])),
                           ('--cap-drop', service.get('cap_drop', [])),
                           ('--security-opt', service.get('security_opt', [])),
                           ('-v', [f'{project}-{v}' for v in service.get('volumes', [])])):
        for value in values:
            words += [option, value]
    if 'network_mode' in service:
        words += ['--network', f'container:{project}-' + service['network_mode'].removeprefix('service:')]
    if service.get('read_only'):
        words.append('--read-only')
    if 'healthcheck' in service:
        words += ['--health-cmd', ' '.join(service['healthcheck']['test'][1:])]
    if podman(*words, service['image'], *service.get('command', []), quiet=True) != 0:
        podman('logs', f'{project}-{name}')
        sys.exit(f'{name} was not started: podman {" ".join(words)}')


def main():
    project, what = sys.argv[1:]
    with open('docker/compose.yaml', encoding='utf-8') as file:
        document = yaml.safe_load(file)
    services = document['services']
    if what == 'up':
        for name, service in services.items():
            run(project, name, service)
        wait_healthy(f'{project}-{list(services)[-1]}')
    else:
        for name in reversed(services):
            podman('rm', '-f', '-t', '20', f'{project}-{name}', quiet=True)
        podman('volume', 'rm', '-f', *[f'{project}-{v}' for v in document['volumes']], quiet=True)


main()
