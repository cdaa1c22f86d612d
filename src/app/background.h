// Into the background, but not before all is well: whoever started us learns it from our exit status.
#pragma once

#include <policymux/result.h>

#include "base/unique_fd.h"

namespace policymux {

class Background {
 public:
  // Forks. The child goes on in a session of its own; the parent waits for the child's ready() and then exits
  // with status 0, or with 1 where the child ends before that. To be called before threads, loops and sockets.
  static Result<Background, std::string> enter();

  // Lets go of the terminal: stdin and stdout are /dev/null from now on, stderr too unless the log goes there.
  void ready(bool keep_stderr);

 private:
  explicit Background(UniqueFd parent) : parent_{std::move(parent)} {}
  UniqueFd parent_;  // a byte written here is the news that all is well
};

}  // namespace policymux
