using Mesh.Controller;
using Mesh.Controller.CommandLine;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.Api;

/// <summary>A whole controller whose journal is in PostgreSQL.</summary>
[NeedsPostgres]
public sealed class PostgresControllerTests
{
    [SpecFact]
    public async Task A_network_lives_in_the_database_and_survives_a_restart_and_cut_connections()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync(PostgresPlace.Parse(uri));
        var credential = await controller.CreateCredentialAsync();
        using var machine = new Machine(controller, credential, "one");
        Assert.Null(await machine.EnrollAsync());
        using var late = new Machine(controller, credential, "two");
        Assert.Equal(RefusalCodes.Used, (await late.EnrollAsync())!.Code);
        Assert.False(File.Exists(Path.Combine(controller.StateDirectory, "journal.db")));

        await controller.RestartAsync();
        Assert.Contains("one", (await controller.RunAsync(["node", "list"])).Out, StringComparison.Ordinal);
        var status = (await controller.RunAsync(["status"])).Out;
        Assert.Matches(@"(?m)^journal +postgresql://\S+/test_\d+_\d+$", status);

        // All at once, as when the server is started again: the first command may fail and say so, and then all goes on.
        PostgresServer.Instance.Query(uri, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        var (exit, _, error) = await controller.RunAsync(["user", "create", "first"]);
        Assert.True(exit is ExitCode.Done or ExitCode.TryAgain, error);
        for (var attempt = 1; exit != ExitCode.Done || attempt == 1; attempt++)
        {
            Assert.True(attempt < 20, error);
            (exit, _, error) = await controller.RunAsync(["user", "create", "second"]);
        }

        Assert.Contains("second", (await controller.RunAsync(["user", "list"])).Out, StringComparison.Ordinal);
    }

    [SpecFact]
    public async Task A_database_that_lost_its_journal_is_refused_and_left_alone()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync(PostgresPlace.Parse(uri));
        PostgresServer.Instance.EmptyDatabase(uri);
        var refusal = await Assert.ThrowsAsync<CommandException>(controller.RestartAsync);
        Assert.Equal(ExitCode.BadConfiguration, refusal.ExitCode);
        Assert.Matches(@"^start refused: postgresql://\S+ has no journal; restore it from a backup$", refusal.Message);
        Assert.Equal("0\n", PostgresServer.Instance.Query(uri, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"));
    }

    [SpecFact]
    public async Task A_database_that_cannot_be_reached_is_named_and_tried_again_by_whoever_starts_it()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        PostgresServer.Instance.DropDatabase(uri);
        var refusal = await Assert.ThrowsAsync<CommandException>(() => RunningController.StartAsync(PostgresPlace.Parse(uri)));
        Assert.Equal(ExitCode.Unreachable, refusal.ExitCode);
        Assert.Matches(@"^cannot open the journal postgresql://\S+: database ""\w+"" does not exist$", refusal.Message);
    }
}
