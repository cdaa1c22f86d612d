#include "app/pid_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace policymux {

Result<PidFile, std::string> PidFile::write(const std::string& path) {
  if (path.empty()) return PidFile{UniqueFd{}, {}, UniqueFd{}};
  const auto failed = [&path] { return Unexpected{fmt::format("cannot write {}: {}", path, std::strerror(errno))}; };
  const std::filesystem::path where{path};
  const auto parent = where.has_parent_path() ? where.parent_path() : ".";
  UniqueFd directory{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return failed();
  auto name = where.filename().string();
  UniqueFd file{::openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!file) return failed();
  const auto number = fmt::format("{}\n", ::getpid());
  if (::write(file.get(), number.data(), number.size()) < 0) return failed();
  return PidFile{std::move(directory), std::move(name), std::move(file)};
}

PidFile::~PidFile() {
  if (!file_ || ::unlinkat(directory_.get(), name_.c_str(), 0) == 0) return;
  [[maybe_unused]] const auto emptied = ::ftruncate(file_.get(), 0);
}

}  // namespace policymux
