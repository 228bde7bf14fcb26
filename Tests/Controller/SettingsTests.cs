using Mesh.Controller;
using Mesh.Controller.CommandLine;
using Mesh.Controller.Configuration;

namespace Mesh.Tests.Controller;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("0.0.0.0:8443", "0.0.0.0:8443")]
    [InlineData("192.0.2.1", "192.0.2.1:8443")]
    [InlineData("[::]:443", "[::]:443")]
    [InlineData("[::1]", "[::1]:8443")]
    [InlineData("::1", "[::1]:8443")]
    [InlineData("", null)]
    [InlineData("[::1", null)]
    [InlineData("::1]:443", null)]
    [InlineData("192.0.2.1:0", null)]
    [InlineData("192.0.2.1:65536", null)]
    [InlineData("example.com:443", null)]
    public void Addresses_to_listen_on_are_read_or_refused(string text, string? expected) =>
        Assert.Equal(expected, ControllerSettings.ParseListen(text)?.ToString());

    [Fact]
    public void The_database_is_read_from_flag_and_environment_and_a_password_in_it_is_refused_and_not_repeated()
    {
        Assert.Null(ControllerSettings.Resolve(new SettingFlags(), _ => null).Database);
        Assert.Equal(
            "postgresql://h:5432/net", ControllerSettings.Resolve(new SettingFlags { Database = "postgresql://h/net" }, _ => null).Database!.Name);
        Assert.Equal("postgresql://e:5432/net", ControllerSettings.Resolve(
            new SettingFlags(), name => name == "MESH_CONTROLLER_DATABASE" ? "postgresql://e/net" : null).Database!.Name);
        var flag = Assert.Throws<CommandException>(
            () => ControllerSettings.Resolve(new SettingFlags { Database = "postgresql://me:hunter2@h/net" }, _ => null));
        Assert.Equal(
            (ExitCode.Usage, "--database: a password does not belong into its URI; write it to a password file, and say passfile=FILE"),
            (flag.ExitCode, flag.Message));
        var file = Assert.Throws<CommandException>(() => ControllerSettings.Resolve(new SettingFlags { Database = "/var/lib/journal.db" }, _ => null));
        Assert.Equal("--database: its URI is none; postgresql://USER@HOST/DATABASE is expected", file.Message);
    }

    [Fact]
    public void What_has_ended_is_kept_for_ever_or_a_month_at_least()
    {
        Assert.Null(Resolve(null).AuditRetention);
        Assert.Equal(TimeSpan.FromDays(400), Resolve("400 d").AuditRetention);
        foreach (var text in new[] { "29 d", "never" })
        {
            var refused = Assert.Throws<CommandException>(() => Resolve(text));
            Assert.Equal(ExitCode.BadConfiguration, refused.ExitCode);
            Assert.Contains("AUDIT_RETENTION", refused.Message, StringComparison.Ordinal);
        }
        Assert.Contains("at least 30 days", Assert.Throws<CommandException>(() => Resolve("29 d")).Message, StringComparison.Ordinal);

        static ControllerSettings Resolve(string? retention) =>
            ControllerSettings.Resolve(new SettingFlags(), name => name == "MESH_CONTROLLER_AUDIT_RETENTION" ? retention : null);
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("30m", 1800)]
    [InlineData("12h", 43200)]
    [InlineData("7d", 604800)]
    public void Times_have_a_unit(string text, long seconds) => Assert.Equal(seconds, VerbTable.ParseTtl(text));

    [Theory]
    [InlineData("")]
    [InlineData("h")]
    [InlineData("10")]
    [InlineData("-1h")]
    [InlineData("0s")]
    [InlineData("1.5h")]
    [InlineData("99999999999d")]
    public void Other_times_are_refused(string text) =>
        Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => VerbTable.ParseTtl(text)).ExitCode);
}
