// What commands read.
#pragma once

#include <string>

namespace policymux {

// Everything until the end; blocks.
std::string read_all(int fd);

}  // namespace policymux
