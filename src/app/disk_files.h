// The files of the machine, for the room of rules, which opens none itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rule/load.h"

namespace policymux {

// Regular files only (a pipe would block us), of at most 4 GiB.
class DiskFiles final : public Files {
 public:
  // `root`: a directory that all paths begin at, as in a chroot; absolute links are followed outside all the same.
  explicit DiskFiles(std::string root = {}) : root_{std::move(root)} {}
  Result<std::string, std::string> read(const std::string& path) override;
  // As it was at one moment: read again when it changes meanwhile, an error when it does so every time. Waits some
  // milliseconds if it has changed just now.
  Result<ListText, std::string> read_list(const std::string& path) override;
  std::optional<Signature> signature(const std::string& path) override;
  std::vector<std::string> glob(const std::string& pattern) override;

 private:
  const std::string root_;
};

}  // namespace policymux
