using System.Globalization;
using System.Text.Json;
using Mesh.Controller;
using Mesh.Protocol;
using Mesh.Tests.Controller.Api;

namespace Mesh.Tests.Controller.CommandLine;

public sealed class AtVerbTests : IAsyncLifetime
{
    const string ServersOnly = "version: 1\nallow:\n  - from: ['*']\n    to: [tag:server]\n";
    const string Everybody = "version: 1\nallow:\n  - from: ['*']\n    to: ['*']\n";

    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public async Task The_past_is_asked_with_the_verbs_of_the_present_and_answers_what_they_answered()
    {
        // What a node reports about itself when it attaches is not in the journal; this one never attaches.
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), "db");
        Assert.Null(await machine.EnrollAsync());
        await _controller.RunAsync(["user", "create", "alice"]);
        Assert.Equal(0, (await SetAsync(ServersOnly)).Exit);
        string[][] questions = [["user", "list"], ["credential", "list"], ["node", "list"], ["node", "show", "db"], ["policy", "get"], ["map", "db"], ["audit", "list"]];
        var answers = new List<string>();
        foreach (var question in questions)
            answers.Add((await _controller.RunAsync(question)).Out.Replace("offline", "present", StringComparison.Ordinal));
        var map = (await _controller.RunAsync(["map", "db", "--json"])).Out;
        var revision = await RevisionAsync();
        var time = _controller.Clock.Now;

        _controller.Clock.Offset = TimeSpan.FromHours(2);
        await _controller.RunAsync(["user", "create", "bob"]);
        await SetAsync(Everybody);
        await _controller.CreateCredentialAsync();
        Assert.Equal(0, (await _controller.RunAsync(["node", "revoke", "db"])).Exit);
        _controller.Clock.Offset = TimeSpan.FromHours(3);

        foreach (var moment in (string[])[$"@{revision}", time.ToString(), "-2h", time.ToDateTimeOffset().ToOffset(TimeSpan.FromHours(5)).ToString("yyyy-MM-dd HH:mm:ss.fffzzz", CultureInfo.InvariantCulture)])
        {
            for (var i = 0; i < questions.Length; i++)
            {
                var (exit, text, error) = await _controller.RunAsync(["at", moment, .. questions[i]]);
                Assert.Equal((ExitCode.Done, answers[i]), (exit, text));
                Assert.StartsWith($"as of revision {revision}, ", error, StringComparison.Ordinal);
            }
            Assert.Equal(map, (await _controller.RunAsync(["at", moment, "map", "db", "--json"])).Out);
        }
        Assert.Contains("\"name\":\"db\"", map, StringComparison.Ordinal);
        Assert.Contains("is not in the network", (await _controller.RunAsync(["map", machine.Reply!.Node.ToString()])).Error, StringComparison.Ordinal);
        // The canonical bytes: decoded and encoded again they are the same.
        Assert.True(ProtocolJson.TryDecode(System.Text.Encoding.UTF8.GetBytes(map), ProtocolJson.Default.MapBody, out var body));
        Assert.Equal(map, System.Text.Encoding.UTF8.GetString(ProtocolJson.Encode(body, ProtocolJson.Default.MapBody)) + "\n");
    }

    [Theory]
    [InlineData(ExitCode.Usage, "is not a time", "yesterday")]
    [InlineData(ExitCode.Usage, "is not a time", "2026-01-01T00:00:00")]
    [InlineData(ExitCode.Usage, "is in the future", "2199-01-01T00:00:00Z")]
    [InlineData(ExitCode.Failed, "there was no network then", "2001-01-01T00:00:00Z")]
    [InlineData(ExitCode.Failed, "there was no network then", "-3000d")]
    [InlineData(ExitCode.Failed, "there is no revision 1000000", "@1000000")]
    public async Task A_moment_that_nobody_can_know_is_refused(int exit, string said, string moment)
    {
        var answer = await _controller.RunAsync(["at", moment, "node", "list"]);
        Assert.Equal((exit, ""), (answer.Exit, answer.Out));
        Assert.Contains(said, answer.Error, StringComparison.Ordinal);
        VerbTests.AssertOneLine(answer.Error);
    }

    [Theory]
    [InlineData("at", "-1h", "node", "revoke", "db")]
    [InlineData("at", "-1h", "policy", "set", "-f", "x")]
    [InlineData("at", "-1h")]
    [InlineData("at", "-1h", "status")]
    public async Task The_past_is_not_changed(params string[] arguments) =>
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(arguments)).Exit);

    async Task<long> RevisionAsync() =>
        JsonDocument.Parse((await _controller.RunAsync(["status", "--json"])).Out).RootElement.GetProperty("revision").GetInt64();

    Task<(int Exit, string Out, string Error)> SetAsync(string policy) => _controller.RunAsync(["policy", "set", "-f", "-"], policy);
}
