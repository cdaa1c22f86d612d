// Starting a program of the administrator's: a child process that speaks over one socket.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <policymux/result.h>

#include "base/unique_fd.h"
#include "config/config.h"

namespace policymux {

struct Program {
  std::vector<std::string> words{};        // a path, or a name that is looked for in PATH; and the arguments
  std::string directory{"/"};              // where it starts; where a relative path begins
  std::vector<std::string> environment{};  // NAME=value: over PATH and LANG, which are all that it gets otherwise
};

// REQUIRES: the service is a program.
Program program_of(const Config::Service& service);

struct Child {
  pid_t pid = 0;
  UniqueFd pidfd{};   // readable once it has ended
  UniqueFd socket{};  // its standard input and output; non-blocking
};

// Starts it without copying our memory (posix_spawn), as ourselves, at the head of a process group of its own, with no
// other descriptors than the standard ones and no signal ignored or blocked. (Not of a session: a kernel that shares
// the processors among sessions would give us as little as each of our workers.) `standard_error` becomes its
// descriptor 2.
//   Errors  in words: "./grey.py: No such file or directory".   Blocks until the program is in place of our copy.
// REQUIRES: `words` is not empty; somebody calls reap() once it has ended.
Result<Child, std::string> start(const Program& program, int standard_error);

// The process and all that it started; nothing happens where they are gone. REQUIRES: it is not reaped.
void signal_all(const Child& child, int signal);

// How it ended: "exit status 1", "killed by signal 9"; nothing: it has not. What it left behind in its group is
// killed.
std::optional<std::string> reap(const Child& child);

// What keeps start() from succeeding, as far as can be seen without trying; nothing: it looks well.
std::optional<std::string> flaw_of(const Program& program);

}  // namespace policymux
