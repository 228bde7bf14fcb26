using Mesh.Controller;
using Mesh.Controller.Admin;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.CommandLine;

/// <summary>Runs verbs against a controller elsewhere: by URL and token.</summary>
public sealed class RemoteVerbTests : IAsyncLifetime
{
    readonly TemporaryDirectory _directory = new();
    RunningController _controller = null!;
    string _token = null!;

    string TokenFile => _directory.File("token");

    string Url => $"https://{_controller.Endpoint}";

    public async Task InitializeAsync()
    {
        _controller = await RunningController.StartAsync();
        _token = (await _controller.RunAsync(["token", "create", "--name", "desk", "--scope", "admin"])).Out;
        WritePrivately(TokenFile, _token);
    }

    public async Task DisposeAsync()
    {
        await _controller.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_verb_does_elsewhere_what_it_does_at_home_and_the_audit_list_names_the_token()
    {
        Assert.Equal((ExitCode.Done, "created user alice\n"), Short(await RunAsync("user", "create", "alice")));
        Assert.Equal((await _controller.RunAsync(["user", "list"])).Out, (await RunAsync("user", "list")).Out);
        Assert.Equal((await _controller.RunAsync(["audit", "list", "--json"])).Out, (await RunAsync("audit", "list", "--json")).Out);
        Assert.Matches(@"user\.created +user-alice +token:desk +alice", (await RunAsync("audit", "list")).Out);
        Assert.Equal(ExitCode.Done, (await RunAsync("at", "@1", "node", "list")).Exit);
        var refused = await RunAsync("user", "create", "alice");
        Assert.Equal(ExitCode.Failed, refused.Exit);
        VerbTests.AssertOneLine(refused.Error);
    }

    [Fact]
    public async Task Address_and_token_also_come_from_the_environment_and_flags_win()
    {
        string? Environment(string name) => name switch
        {
            "MESH_CONTROLLER_URL" => $"https://127.0.0.1:1, {Url}",
            "MESH_TOKEN_FILE" => TokenFile,
            _ => null,
        };
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["user", "list"], environment: Environment)).Exit);
        Assert.Equal(ExitCode.Unreachable, (await Cli.RunAsync(["user", "list", "--socket", _directory.File("none")], environment: Environment)).Exit);
        Assert.Equal(ExitCode.Unreachable, (await Cli.RunAsync(["user", "list", "--server", "https://127.0.0.1:1"], environment: Environment)).Exit);
        Assert.Equal(ExitCode.BadInput, (await Cli.RunAsync(["user", "list", "--token-file", _directory.File("none")], environment: Environment)).Exit);
    }

    [Fact]
    public async Task The_token_can_be_the_first_line_of_standard_input_and_the_rest_stays_for_the_verb()
    {
        var (exit, output, error) = await Cli.RunAsync(
            ["policy", "check", "-f", "-", "--server", Url, "--token-file", "-"], _token + "version: 1\nallow: []\n");
        Assert.True(exit == ExitCode.Done, error);
        Assert.Equal("the policy can be set\n", output);
    }

    [Fact]
    public async Task Of_several_controllers_the_next_is_asked_where_one_cannot_be_reached()
    {
        var (exit, _, error) = await Cli.RunAsync(
            ["user", "create", "bob", "--server", "https://127.0.0.1:1", "--server", Url, "--token-file", TokenFile]);
        Assert.True(exit == ExitCode.Done, error);
        var none = await Cli.RunAsync(["user", "list", "--server", "https://127.0.0.1:1", "--server", "127.0.0.1:2", "--token-file", TokenFile]);
        Assert.Equal(ExitCode.Unreachable, none.Exit);
        Assert.Contains("no controller answers at 127.0.0.1:1 (connection refused), 127.0.0.1:2 (connection refused)", none.Error);
        VerbTests.AssertOneLine(none.Error);
    }

    [Fact]
    public async Task A_controller_of_another_network_is_not_asked_and_hears_no_token()
    {
        await using var other = await RunningController.StartAsync();
        // The right one stands behind it, and is not asked either.
        var (exit, output, error) = await Cli.RunAsync(
            ["user", "list", "--server", $"https://{other.Endpoint}", "--server", Url, "--token-file", TokenFile]);
        Assert.Equal((ExitCode.Refused, ""), (exit, output));
        Assert.Contains("belongs to another network than the token", error);
        VerbTests.AssertOneLine(error);
    }

    [Fact]
    public async Task A_refused_token_is_one_line_and_77()
    {
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["token", "create", "--name", "few", "--scope", "users:read"])).Exit);
        var few = _directory.File("few");
        WritePrivately(few, (await _controller.RunAsync(["token", "create", "--name", "few2", "--scope", "users:read,audit:read"])).Out);
        var (exit, _, error) = await Cli.RunAsync(["node", "list", "--server", Url, "--token-file", few]);
        Assert.Equal(ExitCode.Refused, exit);
        Assert.Contains("needs nodes:read, and has audit:read, users:read", error);
        VerbTests.AssertOneLine(error);
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["user", "list", "--server", Url, "--token-file", few])).Exit);
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["token", "revoke", "few2"])).Exit);
        (exit, _, error) = await Cli.RunAsync(["user", "list", "--server", Url, "--token-file", few]);
        Assert.Equal(ExitCode.Refused, exit);
        Assert.Contains("token few2 was revoked", error);
    }

    [Theory]
    [InlineData("--server and --socket", ExitCode.Usage, "--server", "URL", "--socket", "x", "--token-file", "FILE")]
    [InlineData("wants a token", ExitCode.Usage, "--server", "URL")]
    [InlineData("name it with --server", ExitCode.Usage, "--token-file", "FILE")]
    [InlineData("https://HOST:PORT is expected", ExitCode.Usage, "--server", "http://127.0.0.1:8443", "--token-file", "FILE")]
    [InlineData("https://HOST:PORT is expected", ExitCode.Usage, "--server", "https://user@127.0.0.1:8443", "--token-file", "FILE")]
    [InlineData("is not a token", ExitCode.BadInput, "--server", "URL", "--token-file", "GARBAGE")]
    [InlineData("can be read by others", ExitCode.BadConfiguration, "--server", "URL", "--token-file", "OPEN")]
    public async Task What_cannot_be_used_is_said_before_anybody_is_asked(string expected, int exitCode, params string[] flags)
    {
        WritePrivately(_directory.File("garbage"), "mt1_nonsense\n");
        File.WriteAllText(_directory.File("open"), _token);
        File.SetUnixFileMode(_directory.File("open"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        var (exit, output, error) = await Cli.RunAsync(["user", "list", .. flags.Select(flag => flag switch
        {
            "URL" => Url,
            "FILE" => TokenFile,
            "GARBAGE" => _directory.File("garbage"),
            "OPEN" => _directory.File("open"),
            _ => flag,
        })]);
        Assert.Equal((exitCode, ""), (exit, output));
        Assert.Contains(expected, error);
        VerbTests.AssertOneLine(error);
    }

    [Theory]
    [InlineData("https://vpn.example.org:8443", "vpn.example.org:8443")]
    [InlineData("https://vpn.example.org:8443/", "vpn.example.org:8443")]
    [InlineData("https://vpn.example.org", "vpn.example.org:443")]
    [InlineData("https://[fd00::1]:8443", "[fd00::1]:8443")]
    [InlineData("10.0.0.1:8443", "10.0.0.1:8443")]
    [InlineData("https://vpn.example.org/admin", null)]
    [InlineData("vpn.example.org", null)]
    [InlineData("ftp://vpn.example.org:8443", null)]
    public void Addresses(string text, string? address) => Assert.Equal(address, TokenLink.ParseServer(text));

    [Fact]
    public async Task A_token_is_shown_once_and_listed_without_its_secret()
    {
        var (exit, output, error) = await _controller.RunAsync(
            ["token", "create", "--name", "ci", "--scope", "nodes:read", "--scope", "credentials:write", "--ttl", "7d"]);
        Assert.Equal(ExitCode.Done, exit);
        VerbTests.AssertOneLine(error);
        Assert.DoesNotContain(output.Trim(), (await _controller.RunAsync(["token", "list", "--json"])).Out);
        Assert.Matches(@"(?m)^ci +open +credentials:write nodes:read ", (await _controller.RunAsync(["token", "list"])).Out);
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["token", "create", "--name", "ci", "--scope", "nodes:read"])).Exit);
        Assert.Equal((ExitCode.Done, "revoked token ci\n"), Short(await _controller.RunAsync(["token", "revoke", "ci"])));
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["token", "revoke", "ci"])).Exit);
        // The name is free again.
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["token", "create", "--name", "ci", "--scope", "nodes:read"])).Exit);
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["token", "create", "--name", "x", "--scope", "nodes:eat"])).Exit);
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["token", "create", "--name", "x", "--scope", "admin", "--ttl", "91d"])).Exit);
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["token", "revoke", "nobody"])).Exit);
    }

    Task<(int Exit, string Out, string Error)> RunAsync(params string[] arguments) =>
        Cli.RunAsync([.. arguments, "--server", Url, "--token-file", TokenFile]);

    static (int, string) Short((int Exit, string Out, string Error) result) => (result.Exit, result.Out);

    static void WritePrivately(string path, string content)
    {
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
