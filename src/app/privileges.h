// Who the daemon is: from root to an ordinary user, for good.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include <policymux/result.h>

#include "config/config.h"

namespace policymux {

struct Identity {
  std::string user;   // its name
  uid_t uid = 0;
  gid_t gid = 0;
};

// Whom to become. nullopt: stay who we are, since we are not root and cannot choose. As root: `user`, else
// policymux, else nobody; root only where `root` is written. `group`: else the user's own.
Result<std::optional<Identity>, std::string> identity_to_take(const Config::Main& settings);

// chroot where it is set, then the groups (supplementary ones too), then the user; cannot be undone. The time zone
// stays the one from outside the new root.
// REQUIRES: root.
Result<Ok, std::string> take(const Identity& identity, const std::string& chroot);

// A number need not belong to anybody; one that is too large, or means "none" to the kernel, is an error.
Result<uid_t, std::string> find_user(const std::string& name_or_number);
Result<gid_t, std::string> find_group(const std::string& name_or_number);

// Raises the soft limit on descriptors to the hard one, and as root lets a thread of low priority become an ordinary
// one again, whoever we are by then.
void raise_limits();

// How many descriptors may be open.
std::size_t descriptor_limit();

}  // namespace policymux
