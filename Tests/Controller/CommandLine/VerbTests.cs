using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Mesh.Controller;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.CommandLine;

public sealed class VerbTests : IAsyncLifetime
{
    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public async Task Users_are_created_once_and_listed_in_columns()
    {
        Assert.Equal((ExitCode.Done, "created user alice\n"), Short(await _controller.RunAsync(["user", "create", "alice"])));
        Assert.Equal(ExitCode.Done, (await _controller.RunAsync(["user", "create", "bartholomew"])).Exit);
        var again = await _controller.RunAsync(["user", "create", "alice"]);
        Assert.Equal(ExitCode.Failed, again.Exit);
        AssertOneLine(again.Error);
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["user", "create", "Alice!"])).Exit);
        var lines = (await _controller.RunAsync(["user", "list"])).Out.Split('\n');
        Assert.Equal("NAME         CREATED               BY", lines[0]);
        Assert.Matches(@"^alice        \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  admin:\S+$", lines[1]);
        Assert.Matches(@"^bartholomew  \d{4}", lines[2]);
    }

    [Fact]
    public async Task The_actors_are_shown_as_a_tree_and_by_class()
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        var (exit, output, _) = await _controller.RunAsync(["debug", "actors"]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Matches(@"(?m)^   └─ users +EntityParent +(idle|busy) +\d", output);
        Assert.Matches(@"(?m)^      └─ \S*alice +PlainEntityActor<UserState> +(idle|busy) +\d", output);
        var json = JsonDocument.Parse((await _controller.RunAsync(["debug", "actors", "--json"])).Out).RootElement;
        Assert.Equal("mesh-controller", json.GetProperty("system").GetString());
        Assert.Contains(json.GetProperty("types").EnumerateArray(),
            type => type.GetProperty("type").GetString() == "TailActor" && type.GetProperty("alive").GetInt32() == 1);
    }

    [Fact]
    public async Task A_credential_is_alone_on_stdout_and_carries_what_was_asked_for()
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        var (exit, output, error) = await _controller.RunAsync(
            ["credential", "create", "--user", "alice", "--ttl", "30m", "--controller", "vpn.example.com:8443", "--controller",
                "192.0.2.1:443"]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.True(CredentialString.TryParse(output, out var credential));
        Assert.Equal(output.TrimEnd('\n'), credential.Export());
        Assert.Equal(["vpn.example.com:8443", "192.0.2.1:443"], credential.Controllers);
        AssertOneLine(error);
        Assert.DoesNotContain(credential.Export(), error);
    }

    [Theory]
    [InlineData("name the owner")]
    [InlineData("name the owner", "--user", "alice", "--tag", "server")]
    [InlineData("there is no user 'bob'", "--user", "bob")]
    [InlineData("is not a tag", "--tag", "No Tag")]
    [InlineData("is expected", "--tag", "x", "--ttl", "soon")]
    [InlineData("a credential lasts from", "--tag", "x", "--ttl", "900d")]
    [InlineData("is not a controller address", "--tag", "x", "--controller", "nowhere")]
    public async Task A_credential_that_makes_no_sense_is_refused_with_what_to_do(string expected, params string[] flags)
    {
        var (exit, output, error) = await _controller.RunAsync(["credential", "create", .. flags]);
        Assert.Equal(ExitCode.Usage, exit);
        Assert.Empty(output);
        Assert.Contains(expected, error);
        AssertOneLine(error);
    }

    [Fact]
    public async Task The_audit_list_is_narrowed_by_time_person_and_subject()
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        var credential = await _controller.CreateCredentialAsync("--user", "alice");
        using var machine = new Machine(_controller, credential, "laptop");
        Assert.Null(await machine.EnrollAsync());
        _controller.Clock.Offset = TimeSpan.FromHours(3);
        await _controller.RunAsync(["user", "create", "bob"]);
        Assert.Equal(["user.created user-bob"], await ListAsync("--since", "1h"));
        Assert.Equal(["user.created user-bob"], await ListAsync("--since=-1h"));
        Assert.Equal(["user.created user-alice", "user.created user-bob"], await ListAsync("--since", "4h", "--type", "user"));
        Assert.Empty(await ListAsync("--since", "1h", "--type", "credential"));
        Assert.Equal(["node.registered node-" + machine.Reply!.Node], await ListAsync("--subject", "laptop"));
        Assert.Equal(["credential.created", "credential.used"], (await ListAsync("--subject", credential.Id.ToString())).Select(line => line.Split(' ')[0]));
        Assert.Equal(["user.created user-alice"], await ListAsync("--subject", "alice"));
        Assert.All(await ListAsync("--by", "system"), line => Assert.Matches("^(network|controller|node)", line));
        Assert.Equal(["credential.used"], (await ListAsync("--by", "node:" + machine.Reply.Node, "--type", "credential")).Select(line => line.Split(' ')[0]));
        Assert.Equal(await ListAsync("--by", machine.Reply.Node.ToString()), await ListAsync("--by", "node:" + machine.Reply.Node));
        var revision = JsonDocument.Parse((await _controller.RunAsync(["status", "--json"])).Out).RootElement.GetProperty("revision").GetInt64();
        Assert.Equal(["user.created user-bob"], await ListAsync("--since", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"@{revision - 1}")));
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["audit", "list", "--since", "yesterday"])).Exit);

        async Task<List<string>> ListAsync(params string[] flags)
        {
            var (exit, output, error) = await _controller.RunAsync(["audit", "list", "--json", .. flags]);
            Assert.True(exit == ExitCode.Done, error);
            return [.. JsonDocument.Parse(output).RootElement.GetProperty("entries").EnumerateArray()
                .Select(entry => $"{entry.GetProperty("kind").GetString()} {entry.GetProperty("subject").GetString()}")];
        }
    }

    [Fact]
    public async Task The_audit_list_goes_on_with_what_happens_until_it_is_interrupted()
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        using var stop = new CancellationTokenSource();
        var lines = new LineSink();
        var following = Cli.RunAsync(
            ["audit", "list", "--follow", "--type", "user", "--socket", _controller.Socket], output: lines, cancellationToken: stop.Token);
        Assert.Contains("  user.created  user-alice  admin:", await lines.NextAsync(), StringComparison.Ordinal);
        await _controller.CreateCredentialAsync();
        await _controller.RunAsync(["user", "create", "bob"]);
        Assert.Contains("  user.created  user-bob  admin:", await lines.NextAsync(), StringComparison.Ordinal);
        await stop.CancelAsync();
        Assert.Equal(ExitCode.Failed, (await following).Exit);
        Assert.Equal(0, lines.Left);
    }

    /// <summary>Hands over lines as they are written.</summary>
    sealed class LineSink : StringWriter
    {
        readonly System.Threading.Channels.Channel<string> _lines = System.Threading.Channels.Channel.CreateUnbounded<string>();

        public int Left => _lines.Reader.Count;

        public override void WriteLine(string? value) => _lines.Writer.TryWrite(value ?? "");

        public async Task<string> NextAsync()
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            return await _lines.Reader.ReadAsync(patience.Token);
        }
    }

    [Fact]
    public async Task The_audit_list_shows_a_credentials_life_and_never_its_secret()
    {
        var used = await _controller.CreateCredentialAsync();
        using (var machine = new Machine(_controller, used))
            Assert.Null(await machine.EnrollAsync());
        var revoked = await _controller.CreateCredentialAsync();
        await _controller.RunAsync(["credential", "revoke", revoked.Id.ToString()]);
        var expired = await _controller.CreateCredentialAsync("--tag", "server", "--ttl", "10s");
        _controller.Clock.Offset = TimeSpan.FromMinutes(1);
        using (var late = new Machine(_controller, expired))
            Assert.Equal(RefusalCodes.Expired, (await late.EnrollAsync())!.Code);

        var text = (await _controller.RunAsync(["audit", "list", "--type", "credential"])).Out;
        foreach (var (kind, id, by) in new[]
        {
            ("created", used.Id, @"admin:\S+"), ("used", used.Id, @"\S+"), ("created", revoked.Id, @"admin:\S+"),
            ("revoked", revoked.Id, @"admin:\S+"), ("created", expired.Id, @"admin:\S+"), ("expired", expired.Id, @"\S+"),
        })
            Assert.Matches(new Regex($@"^\d{{4}}-\S+ \S+Z  credential\.{kind}\s+credential-{id}\s+{by}", RegexOptions.Multiline), text);

        var json = (await _controller.RunAsync(["audit", "list", "--json"])).Out
            + (await _controller.RunAsync(["credential", "list", "--json"])).Out;
        foreach (var secret in (byte[][])[used.Secret.ToArray(), revoked.Secret.ToArray(), expired.Secret.ToArray()])
        {
            foreach (var form in (string[])
            [
                Convert.ToBase64String(secret), Convert.ToHexString(secret), Convert.ToHexStringLower(secret),
                Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(secret)),
            ])
            {
                Assert.DoesNotContain(form, text);
                Assert.DoesNotContain(form, json);
            }
        }
        Assert.Single((await _controller.RunAsync(["audit", "list", "--type", "credential.used"])).Out.Trim().Split('\n')[1..]);
        Assert.Equal(2, (await _controller.RunAsync(["audit", "list", "--limit", "2"])).Out.Trim().Split('\n')[1..].Length);
        var states = (await _controller.RunAsync(["credential", "list"])).Out;
        Assert.All((string[])["used", "revoked", "expired"], state => Assert.Contains($"  {state}", states));
    }

    [Fact]
    public async Task A_policy_is_set_and_read_back_as_it_was_written_and_a_bad_one_changes_nothing()
    {
        const string good = "# who talks to whom\nversion: 1\nallow:\n  - from: ['*']\n    to: [tag:server]\n";
        Assert.Equal((ExitCode.Done, "the policy is in force\n"), Short(await _controller.RunAsync(["policy", "set", "-f", "-"], good)));
        Assert.Equal((ExitCode.Done, good), Short(await _controller.RunAsync(["policy", "get"])));
        foreach (var bad in (string[])["", "version: 2", "version: 1\nallow: [{from: ['*'], to: [nobody]}]", "version: 1\nallow: &a []",
            "a: [", "- x\n---\n- y"])
        {
            foreach (var verb in (string[])["set", "check"])
            {
                var (exit, output, error) = await _controller.RunAsync(["policy", verb, "-f", "-"], bad);
                Assert.Equal((ExitCode.BadInput, ""), (exit, output));
                Assert.Matches(@"^-:\d+: error: ", error);
            }
        }
        Assert.Equal((ExitCode.Done, good), Short(await _controller.RunAsync(["policy", "get"])));
        Assert.Equal((ExitCode.Done, "the policy can be set\n"),
            Short(await _controller.RunAsync(["policy", "check", "-f", "-"], "{\"version\": 1}")));
        Assert.Equal((ExitCode.Done, good), Short(await _controller.RunAsync(["policy", "get"])));
        var missing = await _controller.RunAsync(["policy", "set", "-f", "/nonexistent"]);
        Assert.Equal(ExitCode.BadInput, missing.Exit);
        AssertOneLine(missing.Error);
    }

    [Fact]
    public async Task Every_answer_is_also_json()
    {
        await _controller.CreateCredentialAsync();
        foreach (var verb in (string[][])[["status"], ["version"], ["user", "list"], ["credential", "list"], ["node", "list"],
            ["audit", "list"], ["policy", "get"]])
        {
            var (exit, output, _) = await _controller.RunAsync([.. verb, "--json"]);
            Assert.Equal(ExitCode.Done, exit);
            using var document = JsonDocument.Parse(output);
            Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
        }
    }

    [Fact]
    public async Task A_node_is_found_by_name_and_by_id_and_what_is_not_there_is_told()
    {
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), "db");
        Assert.Null(await machine.EnrollAsync());
        var byName = await _controller.RunAsync(["node", "show", "db"]);
        Assert.Equal(byName, await _controller.RunAsync(["node", "show", machine.Reply!.Node.ToString()]));
        Assert.Contains("tag:server", byName.Out);
        foreach (var verb in (string[])["show", "revoke"])
        {
            var nobody = await _controller.RunAsync(["node", verb, "nobody"]);
            Assert.Equal(ExitCode.Failed, nobody.Exit);
            Assert.Contains("there is no node 'nobody'", nobody.Error);
        }
    }

    [Fact]
    public async Task What_a_machine_says_of_itself_cannot_play_with_the_terminal()
    {
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), "a\u009b31mb");
        Assert.Equal(RefusalCodes.Malformed, (await machine.EnrollAsync())!.Code);
    }

    [Fact]
    public async Task The_socket_is_for_owner_and_group_only()
    {
        Assert.Equal("660", Convert.ToString((int)File.GetUnixFileMode(_controller.Socket), 8));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_controller.Socket));
        await socket.SendAsync("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        var answer = new byte[4096];
        var length = await socket.ReceiveAsync(answer);
        Assert.StartsWith("HTTP/1.1 404", Encoding.ASCII.GetString(answer, 0, length));
    }

    static (int, string) Short((int Exit, string Out, string Error) ran) => (ran.Exit, ran.Out);

    internal static void AssertOneLine(string text) => Assert.Equal(1, text.Count(c => c == '\n'));
}
