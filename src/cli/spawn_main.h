// `policymux spawn`, and the whole of a program that is called hapolicy.
#pragma once

namespace policymux {

// Is this the command, by the program's name or by its first argument?
bool is_spawn(int argc, char** argv);

// Takes hapolicy's command line as hapolicy did: letters in one bundle, long names cut short. Whatever is printed goes
// to syslog or to a terminal: all three standard descriptors may be the client's. Returns the exit status, see
// app/spawn.h; 2: wrong usage.
// REQUIRES: is_spawn(argc, argv), and nothing was opened or printed yet.
int spawn_main(int argc, char** argv);

}  // namespace policymux
