#include "app/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {
namespace {

Unexpected<std::string> failed(std::string_view what) {
  return {fmt::format("{}: {}", what, std::strerror(errno))};
}

Result<Identity, std::string> identity_of(const std::string& user) {
  const auto number = parse_number(user);
  const auto* entry = number ? ::getpwuid(static_cast<uid_t>(*number)) : ::getpwnam(user.c_str());
  if (entry == nullptr) return Unexpected{fmt::format("no user '{}'", user)};
  return Identity{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

Result<Identity, std::string> default_identity() {
  if (auto own = identity_of("policymux")) return own;
  if (auto nobody = identity_of("nobody")) return nobody;
  return Unexpected<std::string>{"no user 'policymux' and no 'nobody': set main.user"};
}

}  // namespace

Result<uid_t, std::string> find_user(const std::string& name_or_number) {
  if (const auto number = parse_number(name_or_number)) return static_cast<uid_t>(*number);
  const auto identity = identity_of(name_or_number);
  if (!identity) return Unexpected{identity.error()};
  return identity->uid;
}

Result<gid_t, std::string> find_group(const std::string& name_or_number) {
  if (const auto number = parse_number(name_or_number)) return static_cast<gid_t>(*number);
  const auto* entry = ::getgrnam(name_or_number.c_str());
  if (entry == nullptr) return Unexpected{fmt::format("no group '{}'", name_or_number)};
  return entry->gr_gid;
}

Result<std::optional<Identity>, std::string> identity_to_take(const Config::Main& settings) {
  if (::geteuid() != 0) return std::optional<Identity>{};
  auto identity = settings.user.empty() ? default_identity() : identity_of(settings.user);
  if (!identity) return Unexpected{std::move(identity).error()};
  if (!settings.group.empty()) {
    const auto group = find_group(settings.group);
    if (!group) return Unexpected{group.error()};
    identity->gid = *group;
  }
  return std::optional{*std::move(identity)};
}

Result<Ok, std::string> take(const Identity& identity, const std::string& chroot) {
  // The groups of the user are looked up outside the new root.
  if (::initgroups(identity.user.c_str(), identity.gid) != 0) return failed("initgroups");
  if (!chroot.empty() && (::chroot(chroot.c_str()) != 0 || ::chdir("/") != 0)) return failed("chroot to " + chroot);
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return failed("setresgid");
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return failed("setresuid");
  if (identity.uid != 0 && ::setuid(0) == 0) return Unexpected<std::string>{"root privileges could be taken back"};
  return Ok{};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace policymux
