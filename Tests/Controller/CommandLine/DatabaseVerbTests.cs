using System.Text.Json;
using Mesh.Actors.Events;
using Mesh.Actors.Persistence;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Time;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit.Persistence;

namespace Mesh.Tests.Controller.CommandLine;

public sealed class DatabaseVerbTests : IDisposable
{
    readonly TemporaryDirectory _directory = new();

    string State => _directory.File("state");

    string JournalFile => Path.Combine(State, "journal.db");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_journal_is_checked_and_what_is_wrong_is_named()
    {
        var (exit, output, error) = await Cli.RunAsync(["db", "check", "--state-dir", State]);
        Assert.Equal((ExitCode.BadConfiguration, "", $"mesh-controller: there is no journal {JournalFile}\n"), (exit, output, error));
        Assert.False(Directory.Exists(State));

        await FillAsync();
        (exit, output, error) = await Cli.RunAsync(["db", "check", "--state-dir", State]);
        Assert.Equal(
            (ExitCode.Done, $"""
            journal     {JournalFile}
            rows        3
            events      3
            entities    2
            ordering    up to 3
            state       ok

            """, ""),
            (exit, output, error));

        using (var journal = SqliteJournal.Open(JournalFile))
            await journal.AppendAsync([Row("user/c", 1) with { Manifest = "user.vanished.v7" }]);
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={JournalFile};Pooling=False"))
        {
            connection.Open();
            connection.Execute("DELETE FROM journal WHERE ordering = 1");
        }

        (exit, output, _) = await Cli.RunAsync(["db", "check", "--state-dir", State]);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Contains("state       damaged\nevent 2 of user/a is the first of its entity\nevent 1 of user/c cannot be read: ", output, StringComparison.Ordinal);
        (exit, output, _) = await Cli.RunAsync(["db", "check", "--state-dir", State, "--json"]);
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Equal(2, System.Text.Json.JsonDocument.Parse(output).RootElement.GetProperty("problems").GetArrayLength());
    }

    [Fact]
    public async Task An_export_is_imported_into_an_empty_journal_whole_or_not_at_all()
    {
        await FillAsync();
        var file = _directory.File("journal.jsonl");
        Assert.Equal(
            (ExitCode.Done, "", $"3 events of {JournalFile} written\n"), await Cli.RunAsync(["db", "export", "-f", file, "--state-dir", State]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var whole = await File.ReadAllTextAsync(file);
        Assert.Equal(whole, (await Cli.RunAsync(["db", "export", "-f", "-", "--state-dir", State])).Out);

        // What is there is not written over, and nothing is left behind.
        var (exit, _, error) = await Cli.RunAsync(["db", "export", "-f", file, "--state-dir", State]);
        Assert.Equal((ExitCode.Failed, $"mesh-controller: {file} exists: remove it, or name another file\n"), (exit, error));
        Assert.Equal(whole, await File.ReadAllTextAsync(file));
        Assert.False(File.Exists(file + ".new"));

        (exit, _, error) = await Cli.RunAsync(["db", "import", "-f", file, "--state-dir", State]);
        Assert.Equal((ExitCode.Refused, $"mesh-controller: the journal {JournalFile} is not empty: nothing was imported into it\n"), (exit, error));

        var other = _directory.File("other");
        var cut = _directory.File("cut");
        await File.WriteAllTextAsync(cut, whole[..^20]);
        (exit, _, error) = await Cli.RunAsync(["db", "import", "-f", cut, "--state-dir", other]);
        Assert.Equal((ExitCode.BadInput, $"mesh-controller: {cut}, line 5: it is not what such a line must be\n"), (exit, error));
        Assert.Equal(
            (ExitCode.Done, "", $"3 events imported into {Path.Combine(other, "journal.db")}\n"),
            await Cli.RunAsync(["db", "import", "-f", "-", "--state-dir", other], whole));
        Assert.Equal(whole, (await Cli.RunAsync(["db", "export", "-f", "-", "--state-dir", other])).Out);
    }

    [Fact]
    public async Task Nothing_is_imported_beside_a_controller_that_runs()
    {
        await using var controller = await RunningController.StartAsync();
        var (exit, _, error) = await Cli.RunAsync(["db", "import", "-f", "-", "--state-dir", controller.StateDirectory], "");
        Assert.Equal(ExitCode.BadConfiguration, exit);
        Assert.Contains("another mesh-controller runs on", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["db", "check", "--state-dir", controller.StateDirectory])).Exit);
    }

    [Fact]
    public async Task A_controller_begins_no_second_history_where_its_journal_is_empty()
    {
        await using var controller = await RunningController.StartAsync();
        await controller.StopAsync();
        // What an import that was killed leaves behind.
        var file = Path.Combine(controller.StateDirectory, "journal.db");
        File.Delete(file);
        SqliteJournal.Open(file).Dispose();
        var refused = await Assert.ThrowsAsync<CommandException>(controller.StartAgainAsync);
        Assert.Equal(ExitCode.BadConfiguration, refused.ExitCode);
        Assert.Matches($@"^{file} is empty, but the keys beside it are of network \w{{16}}: .*db import.*backup$", refused.Message);
    }

    async Task FillAsync()
    {
        Directory.CreateDirectory(State);
        using var journal = SqliteJournal.Open(JournalFile);
        await journal.AppendAsync([Row("user/a", 1)]);
        await journal.AppendAsync([Row("user/b", 1)]);
        await journal.AppendAsync([Row("user/a", 2)]);
    }

    // An event of the network, whatever it says.
    static JournalRow Row(string id, long number)
    {
        var serializer = new JsonEventSerializer(NetworkEvents.Manifests);
        var happened = new UserCreated("c", "root", WallTime.From(DateTimeOffset.UnixEpoch), "alice");
        return new(id, number, 0, serializer.ToBinary(happened), serializer.Identifier, serializer.Manifest(happened), "w", "c");
    }
}

/// <summary>A network that moves from a file to PostgreSQL and back.</summary>
[NeedsPostgres]
public sealed class JournalMoveTests
{
    [SpecFact]
    public async Task A_network_moves_from_a_file_to_PostgreSQL_and_back_without_loss()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync();
        var credential = await controller.CreateCredentialAsync();
        using var machine = new Machine(controller, credential, "one");
        Assert.Null(await machine.EnrollAsync());
        Assert.Equal(ExitCode.Done, (await controller.RunAsync(["user", "create", "alice"])).Exit);
        await controller.AllowAllAsync();
        string[][] questions = [["node", "list"], ["user", "list"], ["policy", "get"], ["audit", "list", "--limit", "1000"], ["credential", "list"]];
        var before = await AnswersAsync();
        await controller.StopAsync();

        var file = await ExportAsync("--state-dir", controller.StateDirectory);
        await ImportAsync(file, "--database", uri);
        Assert.Equal(file, await ExportAsync("--database", uri));
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["db", "check", "--database", uri])).Exit);
        Assert.Equal(ExitCode.Refused, (await Cli.RunAsync(["db", "import", "-f", "-", "--database", uri], file)).Exit);

        controller.Database = PostgresPlace.Parse(uri);
        await controller.StartAgainAsync();
        Assert.Equal(before, await AnswersAsync());
        // The machine is who it was, its credential is spent, and what is written now comes behind what was moved.
        var node = machine.Reply!.Node;
        Assert.Null(await machine.EnrollAsync());
        Assert.Equal(node, machine.Reply.Node);
        using var late = new Machine(controller, credential, "two");
        Assert.Equal(RefusalCodes.Used, (await late.EnrollAsync())!.Code);
        Assert.Equal(ExitCode.Done, (await controller.RunAsync(["user", "create", "bob"])).Exit);
        before = await AnswersAsync();
        await controller.StopAsync();

        var back = await ExportAsync("--database", uri);
        Assert.StartsWith(string.Join('\n', file.Split('\n')[..^2]), back, StringComparison.Ordinal);
        File.Delete(Path.Combine(controller.StateDirectory, "journal.db"));
        await ImportAsync(back, "--state-dir", controller.StateDirectory);
        controller.Database = null;
        await controller.StartAgainAsync();
        Assert.Equal(before, await AnswersAsync());

        async Task<string> AnswersAsync()
        {
            var answers = new List<string>();
            foreach (var question in questions)
                answers.Add((await controller.RunAsync([.. question, "--json"])).Out);
            answers.Add(JsonDocument.Parse((await controller.RunAsync(["status", "--json"])).Out).RootElement.GetProperty("audit_head").GetString()!);
            return string.Join('\n', answers);
        }

        static async Task<string> ExportAsync(params string[] place)
        {
            var (exit, output, error) = await Cli.RunAsync(["db", "export", "-f", "-", .. place]);
            Assert.True(exit == ExitCode.Done, error);
            return output;
        }

        static async Task ImportAsync(string text, params string[] place)
        {
            var (exit, _, error) = await Cli.RunAsync(["db", "import", "-f", "-", .. place], text);
            Assert.True(exit == ExitCode.Done, error);
        }
    }

    [SpecFact]
    public async Task A_controller_begins_no_second_history_in_an_empty_database()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        await using var controller = await RunningController.StartAsync();
        await controller.StopAsync();
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["db", "migrate", "--database", uri])).Exit);
        controller.Database = PostgresPlace.Parse(uri);
        var refused = await Assert.ThrowsAsync<CommandException>(controller.StartAgainAsync);
        Assert.Equal(ExitCode.BadConfiguration, refused.ExitCode);
        Assert.Contains(" is empty, but the keys beside it are of network ", refused.Message, StringComparison.Ordinal);
        controller.Database = null;
        await controller.StartAgainAsync();
    }

    [SpecFact]
    public async Task Tables_are_made_by_hand_and_a_cut_file_leaves_them_empty()
    {
        var uri = PostgresServer.Instance.CreateDatabase();
        Assert.Equal(ExitCode.BadConfiguration, (await Cli.RunAsync(["db", "check", "--database", uri])).Exit);
        var (exit, output, _) = await Cli.RunAsync(["db", "migrate", "--database", uri]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Matches(@"^postgresql://\S+ has schema version 2\n$", output);
        (exit, _, var error) = await Cli.RunAsync(
            ["db", "import", "-f", "-", "--database", uri],
            """
            {"format":"mesh-journal","version":1}
            {"ordering":1,"id":"a","number":1,"created":1,"manifest":"m","serializer":100,"message":""}
            {"ordering":2,"id":"a","number":2,"created":1,"manifest":"m","serializer":100,"message":""}

            """);
        Assert.Equal((ExitCode.BadInput, "mesh-controller: -, line 4: it is cut: its last line is missing\n"), (exit, error));
        Assert.Contains("rows        0\n", (await Cli.RunAsync(["db", "check", "--database", uri])).Out, StringComparison.Ordinal);
    }
}
