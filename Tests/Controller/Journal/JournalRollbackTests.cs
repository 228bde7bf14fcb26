using System.Runtime.CompilerServices;
using System.Text;
using Mesh.Controller.Journal;
using Microsoft.Data.Sqlite;

namespace Mesh.Tests.Controller.Journal;

/// <summary>A rollback can fail like any statement, interrupted for one; what it left open is neither read from nor committed.</summary>
public sealed class JournalRollbackTests
{
    private const string LeftOpen = """
        BEGIN IMMEDIATE;
        INSERT INTO journal(persistence_id, sequence_number, created, message) VALUES('a', 2, 0, x'00');
        """;

    [Fact]
    public async Task The_highest_number_does_not_count_what_was_to_be_rolled_back()
    {
        using var file = new TempJournal();
        using var database = SqliteJournal.Open(file.Path);
        await database.AppendAsync([TempJournal.Row("a", 1)]);
        LeaveOpen(database);
        Assert.Equal(1, await database.HighestSequenceNrAsync("a"));
    }

    [Fact]
    public async Task The_next_write_succeeds_and_stores_nothing_else()
    {
        using var file = new TempJournal();
        using (var database = SqliteJournal.Open(file.Path))
        {
            await database.AppendAsync([TempJournal.Row("a", 1)]);
            LeaveOpen(database);
            await database.AppendAsync([TempJournal.Row("a", 2, "ours")]);
        }

        using var reopened = SqliteJournal.Open(file.Path);
        Assert.Equal(["a/1", "ours"], (await reopened.ReadAsync(0, 10, default)).Select(e => Encoding.UTF8.GetString(e.Payload.Span)));
    }

    /// <summary>The writer is idle: what it was asked has been answered.</summary>
    private static void LeaveOpen(SqliteJournal database) =>
        Assert.Equal(SQLitePCL.raw.SQLITE_OK, SQLitePCL.raw.sqlite3_exec(Writer(database).Handle, LeftOpen));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_writer")]
    private static extern ref SqliteConnection Writer(SqliteJournal database);
}
