using Mesh.Node;
using Mesh.Node.Cli;
using Mesh.Node.Configuration;
using Mesh.Node.Local;

namespace Mesh.Tests.Node.Cli;

public sealed class MeshCliTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("mesh-cli-").FullName;
    readonly Dictionary<string, string> _environment = [];

    string At(string name) => Path.Combine(_directory, name);

    async Task<(int Code, string Out, string Error)> RunAsync(string input, params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        _environment.TryAdd("MESH_SOCKET", At("no-daemon"));
        var code = await MeshCli.RunAsync(arguments, new CliConsole(output, error, new StringReader(input), name => _environment.GetValueOrDefault(name)));
        return (code, output.ToString(), error.ToString());
    }

    async Task RefusedAsync(int code, string words, params string[] arguments)
    {
        var (actual, output, error) = await RunAsync("", arguments);
        Assert.Equal(code, actual);
        Assert.Equal("", output);
        Assert.Contains(words, error);
        Assert.Equal(1, error.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("mesh: Required command was not provided (see mesh --help)")]
    [InlineData("mesh: unknown command or argument 'fly'", "fly")]
    [InlineData("mesh up: unknown command or argument '--authkey'", "up", "--authkey", "x")]
    [InlineData("mesh ping: Required argument missing", "ping")]
    [InlineData("'x' is not a number from 1", "ping", "-c", "x", "laptop")]
    [InlineData("'0' is not a number from 1", "ping", "-c", "0", "laptop")]
    [InlineData("'soon' is not a length of time", "ping", "-i", "soon", "laptop")]
    [InlineData("-4 and -6 exclude each other", "ping", "-4", "-6", "laptop")]
    [InlineData("this is not a credential", "up", "--auth-key", "mk1_abc")]
    [InlineData("this is not a credential", "up", "--auth-key", "@/etc/passwd")]
    [InlineData("--port '70000' will not do: a UDP port is 0 to 65535", "daemon", "--port", "70000")]
    [InlineData("--mtu '1000' will not do", "daemon", "--mtu", "1000")]
    [InlineData("--interface 'a/b' will not do", "daemon", "--interface", "a/b")]
    [InlineData("--backend 'kernel' will not do: a backend is managed or uapi", "daemon", "--backend", "kernel")]
    [InlineData("mesh daemon: unknown command or argument '--prot'", "daemon", "--prot", "1")]
    public Task What_was_typed_wrong_is_said_in_one_line(string words, params string[] arguments) =>
        RefusedAsync(ExitCodes.Usage, words, arguments);

    [Theory, InlineData("status"), InlineData("down"), InlineData("logout"), InlineData("up"), InlineData("ping", "laptop"), InlineData("debug", "device"), InlineData("debug", "actors")]
    public Task Without_a_daemon_the_line_says_how_to_start_one(params string[] arguments) =>
        RefusedAsync(ExitCodes.Unreachable, "no daemon answers at", arguments);

    [Fact]
    public async Task A_credential_comes_from_a_file_standard_input_or_the_environment()
    {
        using var network = new Kit.Trust.SigningNetwork(new Mesh.Protocol.Time.WallTime(1_800_000_000_000));
        var key = network.Credential("10.0.0.1:8443").Export();
        File.WriteAllText(At("key"), key + "\n");

        await RefusedAsync(ExitCodes.Unreachable, "no daemon", "up", "--auth-key", $"file:{At("key")}");
        Assert.Equal(ExitCodes.Unreachable, (await RunAsync(key + "\n", "up", "--auth-key", "-")).Code);
        _environment["MESH_AUTH_KEY_FILE"] = At("key");
        await RefusedAsync(ExitCodes.Unreachable, "no daemon", "up");
        _environment["MESH_AUTH_KEY_FILE"] = At("missing");
        await RefusedAsync(ExitCodes.BadInput, "cannot read the credential from", "up");
        await RefusedAsync(ExitCodes.Usage, "this is not a credential", "up", "--auth-key", key[..^1] + (key[^1] == 'A' ? 'B' : 'A'));
    }

    [Fact]
    public async Task A_configuration_that_is_not_understood_is_refused()
    {
        File.WriteAllText(At("mesh.hocon"), "mesh {\n  interfaces = mesh0\n}");
        await RefusedAsync(ExitCodes.BadConfiguration, "unknown key mesh.interfaces at line 2", "daemon", "--config", At("mesh.hocon"));
        File.WriteAllText(At("mesh.hocon"), "mesh { port = many }");
        await RefusedAsync(ExitCodes.BadConfiguration, "mesh.port 'many' will not do", "daemon", "--config", At("mesh.hocon"));
        File.WriteAllText(At("mesh.hocon"), "mesh { port = ");
        await RefusedAsync(ExitCodes.BadConfiguration, At("mesh.hocon"), "daemon", "--config", At("mesh.hocon"));
        await RefusedAsync(ExitCodes.BadConfiguration, "cannot read the configuration", "daemon", "--config", At("missing"));
        _environment["MESH_MTU"] = "9";
        File.WriteAllText(At("mesh.hocon"), "");
        await RefusedAsync(ExitCodes.BadConfiguration, "MESH_MTU '9' will not do", "daemon", "--config", At("mesh.hocon"));
    }

    [Fact]
    public void Flags_go_before_the_environment_before_the_file_before_defaults()
    {
        File.WriteAllText(At("mesh.hocon"), "mesh { interface = file0, port = 1, mtu = 1300 }");
        var environment = new Dictionary<string, string> { ["MESH_INTERFACE"] = "env0", ["MESH_PORT"] = "2" };

        var settings = SettingsReader.Read(new Dictionary<string, string> { ["interface"] = "flag0" }, At("mesh.hocon"), environment.GetValueOrDefault);

        Assert.Equal(("flag0", 2, 1300, "/var/lib/mesh"), (settings.Interface, settings.Port, settings.Mtu, settings.StateDirectory));
    }

    [Theory, InlineData("daemon"), InlineData("up"), InlineData("down"), InlineData("logout"), InlineData("rotate-keys"), InlineData("status"), InlineData("ping"), InlineData("debug"), InlineData("version")]
    public async Task Every_help_ends_with_an_example(string verb)
    {
        var (code, output, _) = await RunAsync("", verb, "--help");

        Assert.Equal(ExitCodes.Done, code);
        Assert.StartsWith($"  mesh {verb}", output.TrimEnd().Split('\n')[^1]);
    }

    [Fact]
    public async Task The_version_is_printed_for_people_and_for_programs()
    {
        Assert.Matches(@"^mesh \d+\.\d+\.\d+ \(", (await RunAsync("", "version")).Out);
        Assert.Matches("^{\"Version\":\"\\d+\\.\\d+\\.\\d+\"", (await RunAsync("", "version", "--json")).Out);
    }

    [Theory]
    [InlineData("-", false, 0, null, null)]
    [InlineData("idle, tx 3 rx 5", false, 3, null, null)]
    [InlineData("active; direct 192.0.2.1:51820, tx 3 rx 5", true, 3, true, null)]
    [InlineData("idle; offline, last seen 5m ago, tx 3 rx 5", false, 3, false, 300)]
    [InlineData("-; offline, last seen 2d ago", false, 0, false, 172_900)]
    [InlineData("-; offline", false, 0, false, null)]
    public void A_peers_state_is_printed_by_the_grammar(string expected, bool active, long sent, bool? online, int? seenSecondsAgo)
    {
        var now = DateTimeOffset.UnixEpoch.AddYears(60);
        var peer = new NodeDocument(
            "", "server", null, null, null, [], null, [], "192.0.2.1:51820", sent == 0 ? 0 : 5, sent, null,
            seenSecondsAgo is { } seconds ? now - TimeSpan.FromSeconds(seconds) : null, online, active);

        Assert.Equal(expected, StatusText.State(peer, now));
    }

    [Fact]
    public void Event_ids_of_log_lines_are_unique()
    {
        var ids = typeof(Log).GetMethods(System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public)
            .SelectMany(method => method.GetCustomAttributes(typeof(Microsoft.Extensions.Logging.LoggerMessageAttribute), false))
            .Select(attribute => ((Microsoft.Extensions.Logging.LoggerMessageAttribute)attribute).EventId).ToArray();

        Assert.NotEmpty(ids);
        Assert.Equal(ids.Distinct(), ids);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
