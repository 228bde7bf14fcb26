using System.Globalization;
using System.Text;
using System.Text.Json;
using Mesh.Actors.Events;
using Mesh.Controller;
using Mesh.Controller.Journal;
using Mesh.Protocol.Crypto;
using Mesh.Tests.Controller.Api;
using Mesh.Tests.Kit;
using Microsoft.Data.Sqlite;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Audit;

/// <summary><c>audit export</c> and <c>audit verify</c> as an operator meets them.</summary>
public sealed class AuditExportTests(ITestOutputHelper output) : IAsyncLifetime
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
    public async Task An_export_is_private_whole_and_verified_without_a_controller()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential, "one");
        Assert.Null(await machine.EnrollAsync());
        var (root, head) = await StatusAsync();
        var file = await ExportAsync("all.jsonl");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var text = await File.ReadAllTextAsync(file);
        Assert.DoesNotContain(Convert.ToBase64String(credential.Secret), text, StringComparison.Ordinal);
        Assert.DoesNotContain(credential.Export(), text, StringComparison.Ordinal);
        await _controller.StopAsync();

        var (exit, said, error) = await Cli.RunAsync(["audit", "verify", file, "--root-key-hash", root, "--head", head]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.Contains($"head        {head}\n", said, StringComparison.Ordinal);
        Assert.DoesNotContain("warning", said, StringComparison.Ordinal);
        // The events are in it as the journal holds them.
        var entries = text.Split('\n')[1..^2].Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Contains(entries, entry => entry.GetProperty("manifest").GetString() == "credential.used.v1"
            && Encoding.UTF8.GetString(entry.GetProperty("payload").GetBytesFromBase64()).Contains("\"name\":\"one\"", StringComparison.Ordinal));
        // Another root is told at once; without any, that nothing proves whose it is.
        (exit, _, error) = await Cli.RunAsync(["audit", "verify", file, "--root-key-hash", Sha256.Hash([]).ToString()]);
        Assert.Equal(ExitCode.BadInput, exit);
        Assert.StartsWith($"mesh-controller: {file} line 1: it is of another network", error, StringComparison.Ordinal);
        (exit, said, _) = await Cli.RunAsync(["audit", "verify", file]);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains($"whose hash is {root}", said, StringComparison.Ordinal);
        await _controller.StartAgainAsync();
    }

    [Fact]
    public async Task A_changed_entry_is_named_by_line_and_ordering_with_exit_code_65()
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        var file = await ExportAsync("all.jsonl");
        var lines = await File.ReadAllLinesAsync(file);
        var at = Array.FindIndex(lines, line => line.Contains("\"user-alice\"", StringComparison.Ordinal));
        lines[at] = lines[at].Replace("user-alice", "user-malice", StringComparison.Ordinal);
        var ordering = JsonDocument.Parse(lines[at]).RootElement.GetProperty("ordering").GetInt64();
        File.Delete(file);
        await File.WriteAllTextAsync(file, string.Join('\n', lines) + "\n");
        var (exit, said, error) = await Cli.RunAsync(["audit", "verify", file]);
        Assert.Equal((ExitCode.BadInput, ""), (exit, said));
        Assert.StartsWith(
            string.Create(CultureInfo.InvariantCulture, $"mesh-controller: {file} line {at + 1} (ordering {ordering}): its chain value does not follow"), error,
            StringComparison.Ordinal);
        Assert.Equal(1, error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task Consecutive_exports_are_verified_alone_and_together()
    {
        var (root, _) = await StatusAsync();
        var first = await ExportAsync("1.jsonl");
        await _controller.RunAsync(["user", "create", "alice"]);
        await _controller.RunAsync(["user", "create", "bob"]);
        var second = await ExportAsync("2.jsonl", "--continue", first);
        // Nothing happened: an empty stretch, signed as well.
        var third = await ExportAsync("3.jsonl", "--continue", second);
        await _controller.RestartAsync();
        await _controller.RunAsync(["user", "create", "carol"]);
        var fourth = await ExportAsync("4.jsonl", "--continue", third, "--no-payloads");
        Assert.All(Entries(fourth), entry => Assert.DoesNotContain("\"payload\":", entry, StringComparison.Ordinal));
        Assert.NotEmpty(Entries(fourth));
        var (_, head) = await StatusAsync();

        foreach (var one in (string[])[first, second, third, fourth])
            Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["audit", "verify", one, "--root-key-hash", root])).Exit);
        var (exit, said, error) = await Cli.RunAsync(["audit", "verify", first, second, third, fourth, "--root-key-hash", root, "--head", head, "--json"]);
        Assert.True(exit == ExitCode.Done, error);
        var report = JsonDocument.Parse(said).RootElement;
        Assert.Equal(head, report.GetProperty("head").GetString());
        Assert.Equal(2, report.GetProperty("files")[1].GetProperty("entries").GetInt64());
        Assert.Equal(0, report.GetProperty("files")[2].GetProperty("entries").GetInt64());
        (exit, _, error) = await Cli.RunAsync(["audit", "verify", first, fourth, "--root-key-hash", root]);
        Assert.Equal(ExitCode.BadInput, exit);
        Assert.Contains("a stretch is missing", error, StringComparison.Ordinal);

        // By numbers it is the same.
        var to = Ordering(JsonDocument.Parse(said).RootElement.GetProperty("files")[1].GetProperty("from").GetString()!);
        var part = await ExportAsync("part.jsonl", "--from", "1", "--to", to.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(Entries(first), Entries(part));
        (exit, _, error) = await _controller.RunAsync(["audit", "export", "--from", "5", "--to", "2"]);
        Assert.Equal((ExitCode.Usage, "mesh-controller: the last event that is wanted comes before the first\n"), (exit, error));
        Assert.Equal(ExitCode.Usage, (await _controller.RunAsync(["audit", "export", "--from", "0"])).Exit);
        // What is there already stays.
        Assert.Equal(ExitCode.Failed, (await _controller.RunAsync(["audit", "export", "-o", part])).Exit);
        Assert.Equal(Entries(first), Entries(part));
    }

    [Fact]
    public async Task An_export_does_not_continue_one_of_a_history_that_was_rolled_back()
    {
        await _controller.StopAsync();
        var journal = Path.Combine(_controller.StateDirectory, "journal.db");
        File.Copy(journal, _directory.File("older.db"));
        await _controller.StartAgainAsync();
        await _controller.RunAsync(["user", "create", "alice"]);
        var newer = await ExportAsync("newer.jsonl");
        await RollBackAsync();
        var (exit, _, error) = await _controller.RunAsync(["audit", "export", "--continue", newer]);
        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("is the journal an older copy", error, StringComparison.Ordinal);
        // Grown beyond again.
        await _controller.RunAsync(["user", "create", "bob"]);
        await _controller.RunAsync(["user", "create", "carol"]);
        (exit, _, error) = await _controller.RunAsync(["audit", "export", "--continue", newer]);
        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("holds another history", error, StringComparison.Ordinal);

        async Task RollBackAsync()
        {
            await _controller.StopAsync();
            File.Copy(_directory.File("older.db"), journal, overwrite: true);
            await _controller.StartAgainAsync();
        }
    }

    [Theory]
    [InlineData("UPDATE journal SET message = replace(message, 'alice', 'mallory') WHERE persistence_id = 'user-alice'")]
    [InlineData("UPDATE journal SET created = created - 36000000000 WHERE persistence_id = 'user-alice'")]
    [InlineData("DELETE FROM journal WHERE persistence_id = 'user-alice'")]
    [InlineData("DELETE FROM journal WHERE persistence_id IN ('user-alice', 'user-bob')")]
    [InlineData("UPDATE journal SET deleted = 1 WHERE persistence_id = 'user-bob'")]
    public async Task What_was_changed_under_the_running_controller_is_not_signed(string sql)
    {
        await _controller.RunAsync(["user", "create", "alice"]);
        await _controller.RunAsync(["user", "create", "bob"]);
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(_controller.StateDirectory, "journal.db")};Pooling=false"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            Assert.NotEqual(0, command.ExecuteNonQuery());
        }
        var file = _directory.File("changed.jsonl");
        var (exit, _, error) = await _controller.RunAsync(["audit", "export", "-o", file]);
        Assert.Equal(ExitCode.Failed, exit);
        Assert.Contains("the journal was changed near ordering", error, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task A_long_journal_is_exported_and_verified_line_by_line()
    {
        await _controller.StopAsync();
        var count = Requirements.Full ? 100_000 : 5_000;
        using (var journal = SqliteJournal.Open(Path.Combine(_controller.StateDirectory, "journal.db")))
        {
            foreach (var part in Enumerable.Range(0, count).Chunk(1000))
                await journal.AppendAsync([.. part.Select(User)]);
        }
        await _controller.StartAgainAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var file = await ExportAsync("long.jsonl");
        var (root, head) = await StatusAsync();
        var (exit, said, error) = await Cli.RunAsync(["audit", "verify", file, "--root-key-hash", root, "--head", head, "--json"]);
        Assert.True(exit == ExitCode.Done, error);
        Assert.True(JsonDocument.Parse(said).RootElement.GetProperty("files")[0].GetProperty("entries").GetInt64() > count);
        var tail = await ExportAsync("tail.jsonl", "--from", (count / 2).ToString(CultureInfo.InvariantCulture), "--to", (count / 2 + 10).ToString(CultureInfo.InvariantCulture));
        Assert.Equal(11, Entries(tail).Count);
        Assert.Equal(ExitCode.Done, (await Cli.RunAsync(["audit", "verify", tail, "--root-key-hash", root])).Exit);
        output.WriteLine($"{count} events, a file of {new FileInfo(file).Length >> 10} KiB; memory {before >> 10} KiB before, {GC.GetTotalMemory(true) >> 10} KiB after");
    }

    static JournalRow User(int number)
    {
        var happened = new UserCreated($"c{number}", "admin:test", new Mesh.Protocol.Time.WallTime(1_800_000_000_000 + number), $"user{number}");
        return new JournalRow(
            $"user-user{number}", 1, DateTime.UnixEpoch.Ticks + (1_800_000_000_000 + number) * TimeSpan.TicksPerMillisecond,
            NetworkEvents.Manifests.Encode(happened), Mesh.Actors.Persistence.JsonEventSerializer.StableIdentifier, "user.created.v1", null, $"c{number}");
    }

    async Task<string> ExportAsync(string name, params string[] flags)
    {
        var file = _directory.File(name);
        var (exit, _, error) = await _controller.RunAsync(["audit", "export", "-o", file, .. flags]);
        Assert.True(exit == ExitCode.Done, error);
        return file;
    }

    async Task<(string Root, string Head)> StatusAsync()
    {
        var status = JsonDocument.Parse((await _controller.RunAsync(["status", "--json"])).Out).RootElement;
        return (status.GetProperty("root_hash").GetString()!, status.GetProperty("audit_head").GetString()!);
    }

    static List<string> Entries(string file) => [.. File.ReadAllLines(file)[1..^1]];

    static long Ordering(string head) => long.Parse(head.Split(':')[0], CultureInfo.InvariantCulture);
}
