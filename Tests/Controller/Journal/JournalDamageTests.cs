using Mesh.Controller.Journal;
using Mesh.Tests.Kit;
using Microsoft.Data.Sqlite;

namespace Mesh.Tests.Controller.Journal;

public sealed class JournalDamageTests
{
    [Fact]
    public async Task Wal_cut_at_any_byte_after_the_last_commit_keeps_every_acknowledged_event()
    {
        using var original = new TempJournal();
        original.CreateWithSmallPages();
        using var database = SqliteJournal.Open(original.Path);
        for (var sequence = 1; sequence <= 3; sequence++)
            await database.AppendAsync([TempJournal.Row("a", sequence)]);
        var acknowledged = new FileInfo(original.Wal).Length;
        await database.AppendAsync([TempJournal.Row("a", 4)]);
        var file = await File.ReadAllBytesAsync(original.Path);
        var wal = await ReadSharedAsync(original.Wal);
        Assert.True(wal.Length > acknowledged);

        using var copy = new TempJournal();
        for (var length = (int)acknowledged; length <= wal.Length; length++)
        {
            copy.Remove();
            await File.WriteAllBytesAsync(copy.Path, file);
            await File.WriteAllBytesAsync(copy.Wal, wal[..length]);
            using var reopened = SqliteJournal.Open(copy.Path);
            var events = await reopened.ReadAsync(0, 10, default);
            Assert.Equal(length == wal.Length ? [1L, 2, 3, 4] : [1L, 2, 3], events.Select(e => e.SequenceNr));

            // The rest of a cut transaction must not get in the way of what is written next.
            if (length % 64 == 0)
                await reopened.AppendAsync([TempJournal.Row("a", events.Count + 1)]);
        }
    }

    [Fact]
    public async Task Main_file_cut_anywhere_is_refused()
    {
        using var journal = new TempJournal();
        journal.CreateWithSmallPages();
        using (var database = SqliteJournal.Open(journal.Path))
        {
            for (var sequence = 1; sequence <= 20; sequence++)
                await database.AppendAsync([TempJournal.Row("a", sequence)]);
        }

        var whole = await File.ReadAllBytesAsync(journal.Path);
        Assert.False(File.Exists(journal.Wal));
        for (var length = 0; length < whole.Length; length += length % 512 is 0 or 511 ? 1 : 73)
        {
            journal.Remove();
            await File.WriteAllBytesAsync(journal.Path, whole[..length]);
            var refusal = Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(journal.Path));
            Assert.Matches("^start refused: the journal [^\n]+ is damaged [^\n]+$", refusal.Message);
            Assert.Equal(whole[..length], await File.ReadAllBytesAsync(journal.Path));
        }

        journal.Remove();
        await File.WriteAllBytesAsync(journal.Path, whole);
        using var intact = SqliteJournal.Open(journal.Path);
        Assert.Equal(20, (await intact.ReadAsync(0, 100, default)).Count);
    }

    [Fact]
    public async Task Main_file_cut_under_a_live_wal_is_refused_or_nothing_is_lost()
    {
        using var original = new TempJournal();
        original.CreateWithSmallPages();
        using (var database = SqliteJournal.Open(original.Path))
        {
            for (var sequence = 1; sequence <= 20; sequence++)
                await database.AppendAsync([TempJournal.Row("a", sequence, new string((char)('a' + sequence), 30 * sequence))]);
        }

        using var live = SqliteJournal.Open(original.Path);
        await live.AppendAsync([TempJournal.Row("a", 21)]);
        var expected = (await live.ReadAsync(0, 100, default)).Select(Text).ToList();
        var file = await ReadSharedAsync(original.Path);
        var wal = await ReadSharedAsync(original.Wal);

        using var copy = new TempJournal();
        var refused = 0;
        for (var length = 0; length < file.Length; length += 7)
        {
            copy.Remove();
            await File.WriteAllBytesAsync(copy.Path, file[..length]);
            await File.WriteAllBytesAsync(copy.Wal, wal);
            try
            {
                using var reopened = SqliteJournal.Open(copy.Path);
                Assert.Equal(expected, (await reopened.ReadAsync(0, 100, default)).Select(Text));
            }
            catch (JournalCorruptException)
            {
                refused++;
                Assert.Equal(wal, await File.ReadAllBytesAsync(copy.Wal));
            }
        }

        Assert.True(refused > 0);
        static string Text(Mesh.Actors.Ports.JournalEvent e) => System.Text.Encoding.UTF8.GetString(e.Payload.Span);
    }

    [Fact]
    public async Task Main_file_emptied_under_a_full_wal_is_refused_and_the_wal_is_kept()
    {
        using var original = new TempJournal();
        using var database = SqliteJournal.Open(original.Path);
        await database.AppendAsync([TempJournal.Row("a", 1)]);
        using var copy = new TempJournal();
        await File.WriteAllBytesAsync(copy.Wal, await ReadSharedAsync(original.Wal));

        Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(copy.Path));
        await File.WriteAllBytesAsync(copy.Path, []);
        Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(copy.Path));
        Assert.True(new FileInfo(copy.Wal).Length > 0);
    }

    [Fact]
    public async Task Overwritten_pages_are_refused()
    {
        using var journal = new TempJournal();
        using (var database = SqliteJournal.Open(journal.Path))
            await database.AppendAsync([TempJournal.Row("a", 1)]);
        var bytes = await File.ReadAllBytesAsync(journal.Path);
        for (var page = 0; page < bytes.Length; page += 4096)
        {
            var damaged = bytes.ToArray();
            damaged.AsSpan(page, 200).Fill(0xA5);
            await File.WriteAllBytesAsync(journal.Path, damaged);
            Assert.Throws<JournalCorruptException>(() => SqliteJournal.Open(journal.Path));
            Assert.Equal(damaged, await File.ReadAllBytesAsync(journal.Path));
        }
    }

    [Fact]
    public void Newer_schema_is_refused()
    {
        using var journal = new TempJournal();
        SqliteJournal.Open(journal.Path).Dispose();
        using (var connection = new SqliteConnection($"Data Source={journal.Path};Pooling=False"))
        {
            connection.Open();
            connection.Execute("PRAGMA user_version = 7");
        }

        var refusal = Assert.Throws<JournalSchemaException>(() => SqliteJournal.Open(journal.Path));
        Assert.Equal(
            $"start refused: the journal {journal.Path} has schema version 7, this program knows up to 1; install a newer one", refusal.Message);
    }

    [Fact]
    public void Directory_that_is_missing_is_named()
    {
        using var journal = new TempJournal();
        var path = Path.Combine(journal.Folder, "no", "journal.db");
        Assert.StartsWith($"cannot open the journal {path}: ", Assert.Throws<JournalUnavailableException>(() => SqliteJournal.Open(path)).Message);
    }

    [Fact]
    public void A_crash_while_the_file_is_made_leaves_no_half_journal()
    {
        using var journal = new TempJournal();
        File.WriteAllText(journal.Path + ".new", "half");
        using var database = SqliteJournal.Open(journal.Path);
        Assert.False(File.Exists(journal.Path + ".new"));
    }

    [RequiresRootFact("mount")]
    public async Task Full_disk_fails_the_write_and_the_next_one_succeeds_when_there_is_room()
    {
        using var journal = new TempJournal();
        var mount = Directory.CreateDirectory(Path.Combine(journal.Folder, "disk")).FullName;
        Assert.Equal(0, ProcessRun.Run("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", mount]).ExitCode);
        try
        {
            var path = Path.Combine(mount, "journal.db");
            using (var database = SqliteJournal.Open(path))
            {
                await database.AppendAsync([TempJournal.Row("a", 1)]);
                var ballast = Path.Combine(mount, "ballast");
                Fill(ballast);
                var failure = await Assert.ThrowsAsync<JournalWriteException>(
                    () => database.AppendAsync([TempJournal.Row("a", 2, new string('x', 300_000))]));
                Assert.Equal("cannot write to the journal: the disk is full", failure.Message);
                File.Delete(ballast);
                await database.AppendAsync([TempJournal.Row("a", 2)]);
                Assert.Equal([1L, 2], (await database.ReadAsync(0, 10, default)).Select(e => e.SequenceNr));
            }

            using var reopened = SqliteJournal.Open(path);
            Assert.Equal(2, await reopened.HighestSequenceNrAsync("a"));
        }
        finally
        {
            ProcessRun.Run("umount", [mount]).MustExit();
        }
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // That is what was wanted: no room is left.
        }
    }

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes);
        return bytes;
    }
}
