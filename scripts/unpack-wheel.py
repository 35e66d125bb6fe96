"""unpack-wheel.py TARGET PATTERN WHEEL: unpacks the files whose names match; prints the NVIDIA packages it asks for."""
import os
import re
import shutil
import sys
import zipfile

target, pattern, wheel = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if entry.is_dir() or not re.match(pattern, entry.filename):
            continue
        path = os.path.join(target, entry.filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, 'wb') as file:
            shutil.copyfileobj(source, file, 1 << 22)
        os.chmod(path, 0o755 if entry.external_attr >> 16 & 0o100 else 0o644)
    metadata = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
    asked = r'^Requires-Dist: (nvidia-[\w-]+)\s*\(?([^;()]*)\)?\s*;.*and-cuda'
    for name, version in re.findall(asked, archive.read(metadata).decode(), re.M):
        print(name + version.strip())
