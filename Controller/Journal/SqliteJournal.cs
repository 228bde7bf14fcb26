using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

/// <summary>
/// The SQLite file that holds the journal: WAL mode, synchronous=FULL, one writer thread with one connection, readers beside it.
/// An append that has returned is on disk. Safe for concurrent use. Several processes may open one file; each waits up to five
/// seconds for the others' write lock.
/// </summary>
internal sealed partial class SqliteJournal : JournalDatabase
{
    private const int Corrupt = 11;
    private const int NotADatabase = 26;

    private static readonly Lazy<bool> NativeLibrary = new(static () =>
    {
        SQLitePCL.Batteries_V2.Init();
        return true;
    });

    private readonly string _path;
    private readonly SqliteConnection _writer;
    private readonly ConcurrentBag<SqliteConnection> _idleReaders = [];

    private SqliteJournal(string path, SqliteConnection writer, long highestOrdering)
    {
        _path = path;
        _writer = writer;
        _insert = PrepareInsert(writer);
        Start(highestOrdering);
    }

    /// <summary>The file, as an absolute path.</summary>
    public override string Place => _path;

    /// <inheritdoc/>
    public override long SchemaVersion => WithReader(SqliteSchema.Read);

    /// <summary>
    /// Opens the journal, and creates it where there is none. Throws <see cref="JournalCorruptException"/> when the file is damaged,
    /// <see cref="JournalSchemaException"/> when a newer program wrote it, <see cref="JournalUnavailableException"/> when it cannot be opened.
    /// </summary>
    public static new SqliteJournal Open(string path)
    {
        _ = NativeLibrary.Value;
        path = Path.GetFullPath(path);
        SqliteConnection? writer = null;
        try
        {
            if (!File.Exists(path))
                Create(path);

            SqliteFileCheck.Check(path);
            writer = Connect(path, SqliteOpenMode.ReadWrite);
            CheckContent(path, writer);
            writer.Execute("PRAGMA synchronous = FULL");
            var highest = writer.Scalar(Highest);
            return new SqliteJournal(path, writer, highest);
        }
        catch (SqliteException failure)
        {
            writer?.Dispose();
            if (IsCorruption(failure))
                throw new JournalCorruptException(path, Reason(failure), failure);
            throw new JournalUnavailableException(path, Reason(failure), failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            writer?.Dispose();
            throw new JournalUnavailableException(path, failure.Message, failure);
        }
        catch (JournalException)
        {
            writer?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Close()
    {
        _insert.Dispose();
        CloseIdleReaders();
        _writer.Dispose();
    }

    private void CloseIdleReaders()
    {
        while (_idleReaders.TryTake(out var reader))
            reader.Dispose();
    }

    /// <summary>Makes the file under another name and renames it, so that a crash leaves either nothing or a whole journal.</summary>
    private static void Create(string path)
    {
        if (File.Exists(path + "-wal"))
            throw new JournalCorruptException(path, "the file is missing, its write-ahead log is there");
        var draft = path + ".new";
        File.Delete(draft);
        File.Delete(draft + "-wal");
        File.Delete(draft + "-shm");
        var onlyOwner = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            onlyOwner.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Open(draft, onlyOwner).Dispose();

        using (var connection = Connect(draft, SqliteOpenMode.ReadWrite))
        {
            SqliteSchema.Create(connection);
        }

        File.Move(draft, path, overwrite: false);
    }

    /// <summary>Damage must stay as it was found, so the log is not folded into the file until all is well.</summary>
    private static void CheckContent(string path, SqliteConnection connection)
    {
        SetCheckpointOnClose(connection, on: false);
        var version = SqliteSchema.Read(connection);
        if (version > SqliteSchema.Version)
            throw new JournalSchemaException(path, version, SqliteSchema.Version);
        if (version < 1)
            throw new JournalCorruptException(path, "it has no schema version");
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA quick_check(1)";
        var verdict = command.ExecuteScalar() as string;
        if (verdict != "ok")
            throw new JournalCorruptException(path, verdict?.ReplaceLineEndings(" ") ?? "the check gave no answer");
        SetCheckpointOnClose(connection, on: true);
    }

    private static void SetCheckpointOnClose(SqliteConnection connection, bool on)
    {
        const int noCheckpointOnClose = 1006;
        _ = SQLitePCL.raw.sqlite3_db_config(connection.Handle, noCheckpointOnClose, on ? 0 : 1, out _);
    }

    private static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Cache = SqliteCacheMode.Private,
            Pooling = false,
            DefaultTimeout = 5,
        }.ToString());
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static bool IsCorruption(SqliteException failure) => failure.SqliteErrorCode is Corrupt or NotADatabase;

    private static string Reason(SqliteException failure) => failure.SqliteErrorCode switch
    {
        5 or 6 => "another program holds it locked",
        8 => "it is read-only",
        13 => "the disk is full",
        14 => "the file cannot be opened; check the directory and its permissions",
        Corrupt => "its pages are malformed",
        NotADatabase => "the file is not a database",
        _ => $"SQLite error {failure.SqliteErrorCode} ({failure.SqliteExtendedErrorCode})",
    };
}
