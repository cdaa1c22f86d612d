#include "cli/site.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "app/privileges.h"

namespace policymux {
namespace {

constexpr std::string_view postfix_queue = "/var/spool/postfix/";

bool is_directory(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

class Site {
 public:
  Diagnostics doubts(const Config& config) && {
    const auto& main = config.main;
    need_account("main.user", main.user, find_user(main.user));
    need_account("main.group", main.group, find_group(main.group));
    need_account("main.socket_owner", main.socket_owner, find_user(main.socket_owner));
    need_account("main.socket_group", main.socket_group, find_group(main.socket_group));
    if (!main.chroot.empty()) need_directory("main.chroot", main.chroot);
    for (const auto& endpoint : main.listen) {
      if (endpoint.kind == Endpoint::Kind::local) look_at(endpoint);
    }
    if (!config.admin.socket.empty()) need_directory_of("admin.socket", config.admin.socket);
    return std::move(doubts_);
  }

 private:
  template <class Id>
  void need_account(std::string_view setting, const std::string& name, const Result<Id, std::string>& found) {
    if (!name.empty() && !found) doubt(fmt::format("{}: {}", setting, found.error()), not_here);
  }
  void need_directory(std::string_view setting, const std::string& path) {
    if (!is_directory(path)) doubt(fmt::format("{}: no directory {}", setting, path), not_here);
  }
  // Of a socket. Directories below /run are made when a service starts.
  void need_directory_of(std::string_view setting, const std::string& path) {
    const auto parent = std::filesystem::path{path}.parent_path().string();
    if (!parent.empty() && !parent.starts_with("/run/")) need_directory(setting, parent);
  }

  // Debian's Postfix runs smtpd in a chroot, from where it sees only what lies below.
  void look_at(const Endpoint& socket) {
    need_directory_of("main.listen", socket.path);
    if (!is_directory(postfix_queue) || socket.path.starts_with(postfix_queue)) return;
    doubt(fmt::format("main.listen: {} cannot be seen from Postfix's chroot", to_string(socket)),
          "a path below /var/spool/postfix can, and so can inet");
  }

  void doubt(std::string text, std::string_view hint) {
    auto& one = doubts_.emplace_back(Diagnostic{Severity::warning, {}});
    one.what.text = std::move(text);
    one.hint = hint;
  }

  static constexpr std::string_view not_here = "the daemon could not start on this machine";

  Diagnostics doubts_;
};

}  // namespace

Diagnostics doubt_site(const Config& config) { return Site{}.doubts(config); }

}  // namespace policymux
