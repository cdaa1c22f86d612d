#include "app/disk_files.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace policymux {
namespace {

constexpr off_t size_limit = off_t{4} << 30;

Unexpected<std::string> failure(int error) { return {std::strerror(error)}; }

}  // namespace

Result<std::string, std::string> DiskFiles::read(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return failure(errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return failure(errno);
  if (S_ISDIR(status.st_mode)) return failure(EISDIR);
  if (!S_ISREG(status.st_mode)) return Unexpected<std::string>{"Not a regular file"};
  if (status.st_size > size_limit) return failure(EFBIG);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (true) {
    if (size == text.size()) text.resize(size + 4096);  // it may have grown, and the end must be seen
    const auto got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > static_cast<std::size_t>(size_limit)) return failure(EFBIG);
  }
  text.resize(size);
  return text;
}

std::vector<std::string> DiskFiles::glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace policymux
