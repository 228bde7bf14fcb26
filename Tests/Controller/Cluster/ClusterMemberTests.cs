using System.Text.Json;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Cluster;

/// <summary>What a whole controller says of itself and the others.</summary>
[NeedsPostgres]
public sealed class ClusterMemberTests
{
    [SpecFact]
    public async Task Shows_itself_its_job_and_how_far_off_its_machines_clock_is()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        var controller = new RunningController { Database = PostgresPlace.Parse(uri) };
        controller.Clock.Offset = TimeSpan.FromSeconds(45);
        await controller.StartFirstAsync();
        await using (controller)
        {
            JsonElement member = default, job = default;
            await UntilAsync(async () =>
            {
                var (exit, output, error) = await controller.RunAsync(["cluster", "status", "--json"]);
                Assert.True(exit == ExitCode.Done, error);
                var report = JsonDocument.Parse(output).RootElement;
                member = report.GetProperty("members").EnumerateArray().Single();
                job = report.GetProperty("jobs").EnumerateArray().SingleOrDefault();
                return job.ValueKind == JsonValueKind.Object;
            });
            Assert.Equal("alive", member.GetProperty("state").GetString());
            Assert.True(member.GetProperty("is_this").GetBoolean());
            Assert.Equal(0, member.GetProperty("lag").GetInt64());
            Assert.InRange(member.GetProperty("clock_offset_seconds").GetDouble(), 44, 46);
            Assert.Equal(controller.Endpoint.ToString(), member.GetProperty("addresses")[0].GetString());
            Assert.Equal(("expiry", member.GetProperty("id").GetString()), (job.GetProperty("name").GetString(), job.GetProperty("holder").GetString()));

            var table = (await controller.RunAsync(["cluster", "status"])).Out;
            Assert.Matches(@"(?m)^CONTROLLER +STATE +ADDRESSES +VERSION +UP SINCE +REVISION +LAG +NODES +CLOCK +JOBS$", table);
            Assert.Matches($@"(?m)^\*{member.GetProperty("id").GetString()}  alive  127\.0\.0\.1:\d+ .* 0    0      \+45\.\d s +expiry$", table);
            Assert.Matches(@"(?m)^warning: the clock of \w{16}'s machine is 45 s off the database's$", table);
            Assert.Contains(
                "warning: this machine's clock is 45 s ahead of the database's, which counts: set it", (await controller.RunAsync(["status"])).Out,
                StringComparison.Ordinal);
            // What it decides carries the database's time, not its own.
            var database = DateTimeOffset.UtcNow;
            Assert.Equal(ExitCode.Done, (await controller.RunAsync(["user", "create", "alice"])).Exit);
            var users = JsonDocument.Parse((await controller.RunAsync(["user", "list", "--json"])).Out).RootElement.GetProperty("users");
            var created = users[0].GetProperty("created_at").GetDateTimeOffset();
            Assert.InRange((created - database).TotalSeconds, -1, 30);
        }
    }

    [SpecFact]
    public async Task A_copied_state_directory_is_refused_while_the_original_runs_and_ends_it_when_it_had_been_silent()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync(PostgresPlace.Parse(uri));
        using var elsewhere = new TemporaryDirectory();
        foreach (var file in Directory.GetFiles(controller.StateDirectory).Where(file => Path.GetFileName(file) != "lock"))
            File.Copy(file, elsewhere.File(Path.GetFileName(file)));
        string[] start =
        [
            "serve", "--state-dir", Path.GetDirectoryName(elsewhere.File("x"))!, "--database", uri, "--socket", elsewhere.File("s"), "--listen", "127.0.0.1:1",
        ];
        var (exit, _, error) = await Cli.RunAsync(start);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Matches(
            @"^mesh-controller: start refused: another process runs as controller \w{16}: was the state directory copied\? every controller needs its own keys\n$",
            error);

        PostgresServer.Instance.Query(uri, "UPDATE mesh_member SET incarnation = incarnation + 1");
        var replaced = await controller.Ended.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(ExitCode.BadConfiguration, replaced.ExitCode);
        Assert.StartsWith("stopped: another process runs as controller ", replaced.Message, StringComparison.Ordinal);
    }

    [SpecFact]
    public async Task Who_stops_says_so_and_a_restart_is_a_new_incarnation()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync(PostgresPlace.Parse(uri));
        Assert.Equal("1|serving\n", PostgresServer.Instance.Query(uri, "SELECT incarnation, phase FROM mesh_member"));
        await controller.StopAsync();
        Assert.Equal("1|stopped\n", PostgresServer.Instance.Query(uri, "SELECT incarnation, phase FROM mesh_member"));
        Assert.Equal("0\n", PostgresServer.Instance.Query(uri, "SELECT count(*) FROM mesh_lease WHERE until > now()"));
        await controller.StartAgainAsync();
        Assert.Equal("2|serving\n", PostgresServer.Instance.Query(uri, "SELECT incarnation, phase FROM mesh_member"));
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition())
            await Task.Delay(50, patience.Token);
    }
}

/// <summary>A controller with a journal of its own is a cluster of one.</summary>
public sealed class LoneMemberTests
{
    [Fact]
    public async Task Shows_itself_and_does_everything()
    {
        await using var controller = await RunningController.StartAsync();
        var (exit, output, error) = await controller.RunAsync(["cluster", "status", "--json"]);
        Assert.True(exit == ExitCode.Done, error);
        var report = JsonDocument.Parse(output).RootElement;
        Assert.Equal("alive", report.GetProperty("members")[0].GetProperty("state").GetString());
        Assert.Equal(1, report.GetProperty("members").GetArrayLength());
    }
}
