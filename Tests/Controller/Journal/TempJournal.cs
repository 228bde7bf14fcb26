using System.Text;
using Mesh.Controller.Journal;
using Microsoft.Data.Sqlite;

namespace Mesh.Tests.Controller.Journal;

/// <summary>A journal file in a directory of its own, in memory where the machine has that, removed on dispose.</summary>
internal sealed class TempJournal : ITempPlace
{
    public TempJournal()
    {
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        Folder = Directory.CreateDirectory(System.IO.Path.Combine(parent, $"mesh-test-journal-{Guid.NewGuid():N}")).FullName;
    }

    public string Folder { get; }

    public string Path => System.IO.Path.Combine(Folder, "journal.db");

    string ITempPlace.Place => Path;

    public string Wal => Path + "-wal";

    public static JournalRow Row(string id, long sequence, string? text = null, string? command = null) => new(
        id, sequence, DateTime.UnixEpoch.AddSeconds(sequence).Ticks, Encoding.UTF8.GetBytes(text ?? $"{id}/{sequence}"), 100, "test.happened.v1", "writer", command);

    /// <summary>Makes the file with small pages, so that a test can visit every byte of it.</summary>
    public void CreateWithSmallPages()
    {
        SQLitePCL.Batteries_V2.Init();
        using var connection = new SqliteConnection($"Data Source={Path};Pooling=False");
        connection.Open();
        connection.Execute("PRAGMA page_size = 512");
        SqliteSchema.Create(connection);
    }

    public void Remove()
    {
        foreach (var file in Directory.GetFiles(Folder))
            File.Delete(file);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
