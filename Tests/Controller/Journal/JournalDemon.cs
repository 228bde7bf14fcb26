using System.Runtime.CompilerServices;
using Mesh.Controller.Journal;
using Mesh.Tests.Engine.Persistence.Chaos;
using Microsoft.Data.Sqlite;

namespace Mesh.Tests.Controller.Journal;

/// <summary>
/// What can befall a database: another program holds it locked, it may not grow any more, a statement is interrupted. One after the other
/// at random, with pauses between them, until the world is calm. Nothing is left behind.
/// </summary>
internal sealed class JournalDemon(SqliteJournal database, ChaosWorld world)
{
    private static readonly TimeSpan LongestLock = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan LongestShortage = TimeSpan.FromMilliseconds(80);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(60);

    public async Task RunAsync()
    {
        while (!world.Calm.IsCancellationRequested)
        {
            var dice = world.Draw("demon");
            await PauseAsync(dice.UpTo(LongestPause));
            switch (dice.Below(3))
            {
                case 0:
                    await LockAsync(dice.UpTo(LongestLock));
                    break;
                case 1:
                    await FillAsync(dice.UpTo(LongestShortage));
                    break;
                default:
                    await InterruptAsync(dice.UpTo(LongestShortage));
                    break;
            }
        }
    }

    private async Task LockAsync(TimeSpan length)
    {
        using var other = new SqliteConnection($"Data Source={database.Place};Pooling=False");
        await other.OpenAsync();
        other.Execute("BEGIN IMMEDIATE");
        await PauseAsync(length);
        other.Execute("ROLLBACK");
    }

    /// <summary>The limit belongs to the connection, so it has to be the writer's own; SQLite lets two threads use it in turn.</summary>
    private async Task FillAsync(TimeSpan length)
    {
        var writer = Writer(database).Handle;
        _ = SQLitePCL.raw.sqlite3_exec(writer, "PRAGMA max_page_count = 1");
        await PauseAsync(length);
        _ = SQLitePCL.raw.sqlite3_exec(writer, "PRAGMA max_page_count = 1073741823");
    }

    private async Task InterruptAsync(TimeSpan length)
    {
        var due = Environment.TickCount64 + (long)length.TotalMilliseconds;
        while (Environment.TickCount64 < due && !world.Calm.IsCancellationRequested)
        {
            SQLitePCL.raw.sqlite3_interrupt(Writer(database).Handle);
            await Task.Yield();
        }
    }

    private async Task PauseAsync(TimeSpan length) =>
        await Task.Delay(length, world.Calm).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_writer")]
    private static extern ref SqliteConnection Writer(SqliteJournal database);
}
