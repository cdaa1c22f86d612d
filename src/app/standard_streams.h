// Standard input and output where they are the client's connection.
#pragma once

#include <string>

#include <policymux/result.h>

#include "base/unique_fd.h"

namespace policymux {

// Under Postfix's spawn(8) all three descriptors are the client's connection, standard error too: whatever is printed
// becomes part of a reply. So we keep private copies.
struct StandardStreams {
  UniqueFd in, out;  // close-on-exec

  // From then on 0 and 1 are /dev/null, and so is 2 unless it is a terminal: printing is harmless. To be called once,
  // before anything is printed and before anything opens a descriptor.
  static Result<StandardStreams, std::string> take();
};

}  // namespace policymux
