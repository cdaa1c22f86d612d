// The files of the machine, for the room of rules, which opens none itself.
#pragma once

#include <string>
#include <vector>

#include "rule/load.h"

namespace policymux {

// Regular files only (a pipe would block us), of at most 4 GiB.
class DiskFiles final : public Files {
 public:
  Result<std::string, std::string> read(const std::string& path) override;
  std::vector<std::string> glob(const std::string& pattern) override;
};

}  // namespace policymux
