#include "app/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace policymux {
namespace {

constexpr rlim_t ordinary_priority = 20;  // as RLIMIT_NICE counts: 20 - nice

Unexpected<std::string> failed(std::string_view what) {
  return {fmt::format("{}: {}", what, std::strerror(errno))};
}

// The number that a text of digits is; nullopt: it is a name. The largest one means "none" to the kernel.
template <class Id>
Result<std::optional<Id>, std::string> number_of(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::optional<Id>{};
  const auto number = parse_number(text);
  if (!number || *number >= std::numeric_limits<Id>::max()) return Unexpected{fmt::format("no such number: {}", text)};
  return std::optional{static_cast<Id>(*number)};
}

Result<Identity, std::string> account(const std::string& user) {
  const auto number = number_of<uid_t>(user);
  if (!number) return Unexpected{number.error()};
  const auto* entry = *number ? ::getpwuid(**number) : ::getpwnam(user.c_str());
  if (entry == nullptr) return Unexpected{fmt::format("no user '{}'", user)};
  return Identity{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

// Root is root by that name alone.
Result<Identity, std::string> identity_of(const std::string& user) {
  auto identity = account(user);
  if (identity && identity->uid == 0 && user != "root") {
    return Unexpected{fmt::format("'{}' is root: we serve as root only where root is written", user)};
  }
  return identity;
}

Result<Identity, std::string> default_identity() {
  if (auto own = identity_of("policymux")) return own;
  if (auto nobody = identity_of("nobody")) return nobody;
  return Unexpected<std::string>{"no user 'policymux' and no 'nobody': set main.user"};
}

}  // namespace

Result<uid_t, std::string> find_user(const std::string& name_or_number) {
  const auto number = number_of<uid_t>(name_or_number);
  if (!number) return Unexpected{number.error()};
  if (*number) return **number;
  const auto user = account(name_or_number);
  if (!user) return Unexpected{user.error()};
  return user->uid;
}

Result<gid_t, std::string> find_group(const std::string& name_or_number) {
  const auto number = number_of<gid_t>(name_or_number);
  if (!number) return Unexpected{number.error()};
  if (*number) return **number;
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
  // The groups of the user and the system's time zone are looked up outside the new root.
  ::tzset();
  if (::initgroups(identity.user.c_str(), identity.gid) != 0) return failed("initgroups");
  if (!chroot.empty() && (::chroot(chroot.c_str()) != 0 || ::chdir("/") != 0)) return failed("chroot to " + chroot);
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return failed("setresgid");
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return failed("setresuid");
  if (identity.uid != 0 && ::setuid(0) == 0) return Unexpected<std::string>{"root privileges could be taken back"};
  return Ok{};
}

void raise_limits() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    descriptors.rlim_cur = descriptors.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  rlimit nice{};
  if (::getrlimit(RLIMIT_NICE, &nice) == 0 && nice.rlim_cur < ordinary_priority) {
    nice = {.rlim_cur = ordinary_priority, .rlim_max = std::max(nice.rlim_max, ordinary_priority)};
    ::setrlimit(RLIMIT_NICE, &nice);
  }
}

std::size_t descriptor_limit() {
  rlimit descriptors{};
  return ::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 ? descriptors.rlim_cur : 1024;
}

}  // namespace policymux
