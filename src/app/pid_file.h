// A file with our process number, for whoever wants to send us a signal.
#pragma once

#include <string>

#include <policymux/result.h>

#include "base/unique_fd.h"

namespace policymux {

// Goes when we go, also after a chroot. Where its directory is no longer ours to change it becomes empty instead.
class PidFile {
 public:
  // An empty path: no file. To be called after the last fork. The error names the path and the reason.
  static Result<PidFile, std::string> write(const std::string& path);
  PidFile(PidFile&&) = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();

 private:
  PidFile(UniqueFd directory, std::string name, UniqueFd file)
      : directory_{std::move(directory)}, name_{std::move(name)}, file_{std::move(file)} {}

  UniqueFd directory_;
  std::string name_;  // in the directory
  UniqueFd file_;
};

}  // namespace policymux
