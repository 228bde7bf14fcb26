using Mesh.Controller;
using Mesh.Controller.CommandLine;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Controller.CommandLine;

namespace Mesh.Tests.Controller.Shell;

/// <summary>Runs the shell against a whole controller: scripts from standard input, and somebody at a terminal.</summary>
public sealed class ShellTests : IAsyncLifetime
{
    readonly TemporaryDirectory _directory = new();
    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync()
    {
        await _controller.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_script_does_line_by_line_what_the_verbs_do()
    {
        var policy = _directory.File("my policy.yaml");
        await File.WriteAllTextAsync(policy, "version: 1\nallow:\n  - from: [\"user:alice\"]\n    to: [\"*\"]\n");
        var (exit, output, error) = await _controller.RunAsync(["shell"], $"""
            # a day's work
            user create alice
              user create 'bob'   # and another

            mesh-controller policy set -f "{policy}"
            user list
            exit
            user create nobody
            """);
        Assert.True(exit == ExitCode.Done, error);
        Assert.StartsWith("created user alice\ncreated user bob\nthe policy is in force\nNAME ", output);
        Assert.DoesNotContain("nobody", (await _controller.RunAsync(["user", "list"])).Out);
    }

    [Fact]
    public async Task A_script_stops_at_the_first_line_that_fails_unless_told_otherwise()
    {
        const string script = "user create alice\nuser create alice\nuser create 'Not A Name'\nuser create bob\n";
        var (exit, output, error) = await _controller.RunAsync(["shell"], script);
        Assert.Equal((ExitCode.Failed, "created user alice\n"), (exit, output));
        Assert.StartsWith("mesh-controller: line 2: there is a user 'alice' already", error[(error.IndexOf('\n') + 1)..]);
        (exit, output, error) = await _controller.RunAsync(["shell", "-k"], script);
        // The first failure counts.
        Assert.Equal((ExitCode.Failed, "created user bob\n"), (exit, output));
        Assert.Contains("line 1: ", error);
        Assert.Contains("line 3: ", error);
    }

    [Theory]
    [InlineData("node list --nope", ExitCode.Usage, "line 1: unknown flag '--nope'")]
    [InlineData("frobnicate", ExitCode.Usage, "line 1: unknown word 'frobnicate'")]
    [InlineData("node show 'laptop", ExitCode.Usage, "line 1: the single quote is not closed")]
    [InlineData("serve --listen 127.0.0.1:1", ExitCode.Usage, "line 1: 'serve' makes no sense in the shell")]
    [InlineData("shell", ExitCode.Usage, "line 1: 'shell' makes no sense in the shell")]
    [InlineData("db check", ExitCode.Usage, "line 1: 'db' makes no sense in the shell")]
    [InlineData("cluster join --root-key x", ExitCode.Usage, "line 1: 'cluster join' makes no sense in the shell")]
    [InlineData("policy set -f -", ExitCode.Usage, "line 1: standard input is the shell's own here")]
    [InlineData("node list --server https://127.0.0.1:1", ExitCode.Usage, "line 1: unknown flag '--server'")]
    public async Task What_cannot_be_done_in_a_shell_is_one_line(string line, int exitCode, string expected)
    {
        var (exit, output, error) = await _controller.RunAsync(["shell"], line + "\n");
        Assert.Equal((exitCode, ""), (exit, output));
        Assert.Contains(expected, error);
        VerbTests.AssertOneLine(error);
    }

    [Fact]
    public async Task Without_a_controller_it_does_not_begin()
    {
        Assert.Equal(ExitCode.Unreachable, (await Cli.RunAsync(["shell", "--socket", _directory.File("none")], "node list\n")).Exit);
        var keyboard = new FakeTerminal();
        Assert.Equal(ExitCode.Unreachable, (await InteractAsync(keyboard, ["--socket", _directory.File("none")])).Exit);
    }

    [Fact]
    public async Task Somebody_at_a_terminal_has_a_prompt_completion_and_a_history()
    {
        await _controller.RunAsync(["user", "create", "alexandra"]);
        var keyboard = new FakeTerminal();
        keyboard.Type("credential create --user al<Tab>--ttl 5m<Enter>user create alexandra<Enter>user li<Tab><Enter>help node<Enter><C-d>");
        var (exit, output, error) = await InteractAsync(keyboard, ["--socket", _controller.Socket]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.StartsWith("network mesh.internal at " + _controller.Socket, output);
        Assert.Contains("mesh.internal> credential create --user alexandra --ttl 5m\n", keyboard.Screen);
        Assert.Contains("mesh.internal> user list\n", keyboard.Screen);
        Assert.Matches("(?m)^mk1_", output);
        Assert.Contains("NAME       CREATED", output);
        Assert.Matches(@"(?m)^node approve NAME +Lets a node in that waits for approval\.$", output);
        Assert.Contains("mesh-controller: there is a user 'alexandra' already", error);
        Assert.Equal(
            ["credential create --user alexandra --ttl 5m", "user create alexandra", "user list", "help node"],
            await File.ReadAllLinesAsync(_directory.File(".mesh-controller_history")));
    }

    [Fact]
    public async Task What_is_wrong_and_what_there_is_is_said_as_one_asks_here()
    {
        var lines = new (string Line, string Expected)[]
        {
            ("help", @"(?m)^node \.\.\. +Lists.*\n(.*\n)*help VERB +.*\nexit +"),
            ("help at", @"(?m)^at TIME map NODE +Shows"),
            ("help node approve", @"(?m)^  \S+ node approve <NAME>"),
            ("node", "^mesh-controller: 'node' wants a verb: list, show, .*: see 'help node'\n$"),
            ("frobnicate", "^mesh-controller: unknown word 'frobnicate': see 'help'\n$"),
            ("node aprove x", "^mesh-controller: unknown word 'aprove': see 'help node'\n$"),
            ("node approve", "^mesh-controller: 'node approve' wants NAME: see 'help node approve'\n$"),
            ("node rename x", "^mesh-controller: 'node rename' wants NEW: see 'help node rename'\n$"),
            ("at", "^mesh-controller: 'at' wants TIME: see 'help at'\n$"),
            ("policy set", "^mesh-controller: --file wants FILE: see 'help policy set'\n$"),
            ("policy set -f", "^mesh-controller: --file wants FILE: see 'help policy set'\n$"),
            ("policy set -f nothing.yaml", "^mesh-controller: there is no file nothing.yaml\n$"),
            ("policy set -f /", "^mesh-controller: / is a directory: name a file\n$"),
        };
        foreach (var (line, expected) in lines)
        {
            var keyboard = new FakeTerminal();
            keyboard.Type(line + "<Enter><C-d>");
            var (exit, output, error) = await InteractAsync(keyboard, ["--socket", _controller.Socket]);
            Assert.Equal(ExitCode.Done, exit);
            Assert.Matches(expected, error.Length > 0 ? error : output);
        }
    }

    [Fact]
    public async Task Tags_are_completed_from_the_policy_and_who_waits_for_approval()
    {
        await _controller.RunAsync(["policy", "set", "-f", "-"], "version: 1\napproval: required\ntags: { server: {} }\n");
        await _controller.RunAsync(["user", "create", "alice"]);
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync("--user", "alice"));
        await machine.EnrollAsync();
        var keyboard = new FakeTerminal();
        keyboard.Type("node tag nobody --set s<Tab><Enter>node approve <Tab><Enter><C-d>");
        var (_, output, _) = await InteractAsync(keyboard, ["--socket", _controller.Socket]);
        Assert.Contains("> node tag nobody --set server\n", keyboard.Screen);
        Assert.Matches("(?m)is in the network$", output);
    }

    [Fact]
    public async Task An_open_shell_is_refused_at_once_when_its_token_is_revoked()
    {
        var token = _directory.File("token");
        await File.WriteAllTextAsync(token, (await _controller.RunAsync(["token", "create", "--name", "desk", "--scope", "users:write"])).Out);
        File.SetUnixFileMode(token, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var keyboard = new FakeTerminal();
        keyboard.Type("user create alice<Enter>");
        var idle = 0;
        keyboard.WhenIdle = () =>
        {
            if (idle++ > 0)
                return false;
            Assert.Equal(ExitCode.Done, _controller.RunAsync(["token", "revoke", "desk"]).GetAwaiter().GetResult().Exit);
            keyboard.Type("user create bob<Enter><C-d>");
            return true;
        };
        // The token may not ask for the network's name, and need not.
        var (exit, output, error) = await InteractAsync(keyboard, ["--server", $"https://{_controller.Endpoint}", "--token-file", token]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("created user alice\n", output);
        Assert.DoesNotContain("created user bob\n", output);
        Assert.Contains("token desk was revoked", error);
        Assert.StartsWith("mesh> user create alice", keyboard.Screen);
    }

    [Fact]
    public async Task Ctrl_C_ends_the_verb_and_not_the_shell()
    {
        var keyboard = new FakeTerminal();
        using var silent = new SilentSocket(_directory.File("silent.sock"));
        keyboard.Type("node list<Enter>exit<Enter>");
        silent.WhenAsked = count =>
        {
            if (count > 1)
                keyboard.Interrupted!();
        };
        var (exit, _, error) = await InteractAsync(keyboard, ["--socket", silent.Path]);
        Assert.Equal((ExitCode.Done, "interrupted\n"), (exit, error));
        Assert.EndsWith("mesh> exit\n", keyboard.Screen);
    }

    [Fact]
    public async Task A_script_takes_its_token_from_the_line_before_it()
    {
        var token = (await _controller.RunAsync(["token", "create", "--name", "desk", "--scope", "users:write"])).Out;
        var (exit, output, error) = await Cli.RunAsync(
            ["shell", "--server", $"https://{_controller.Endpoint}", "--token-file", "-"], token + "user create alice\n");
        Assert.True(exit == ExitCode.Done, error);
        Assert.Equal("created user alice\n", output);
    }

    async Task<(int Exit, string Out, string Error)> InteractAsync(FakeTerminal keyboard, string[] flags)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal
        {
            Out = output,
            Error = error,
            In = TextReader.Null,
            Environment = name => name == "HOME" ? _directory.Path : null,
            Keyboard = keyboard,
        };
        var exit = await ControllerProgram.RunAsync(["shell", .. flags], terminal);
        return (exit, output.ToString(), error.ToString());
    }
}
