using Microsoft.Data.Sqlite;

namespace Mesh.Controller.Journal;

/// <summary>
/// The tables, in Akka.Persistence.Sql's default layout, so that a move to that package is configuration and not migration.
/// What is ours beyond the layout (<c>command_id</c>) may be null. The version stands in <c>PRAGMA user_version</c>.
/// </summary>
internal static class SqliteSchema
{
    /// <summary>The newest layout that this program writes and reads.</summary>
    public const long Version = 1;

    private const string Tables = """
        CREATE TABLE journal(
            ordering        INTEGER PRIMARY KEY AUTOINCREMENT,
            deleted         INTEGER NOT NULL DEFAULT 0,
            persistence_id  TEXT    NOT NULL,
            sequence_number INTEGER NOT NULL,
            created         INTEGER NOT NULL,
            tags            TEXT    NULL,
            message         BLOB    NOT NULL,
            identifier      INTEGER NULL,
            manifest        TEXT    NULL,
            writer_uuid     TEXT    NULL,
            command_id      TEXT    NULL,
            UNIQUE(persistence_id, sequence_number)
        );
        CREATE TABLE tags(
            ordering_id     INTEGER NOT NULL,
            tag             TEXT    NOT NULL,
            sequence_nr     INTEGER NOT NULL,
            persistence_id  TEXT    NOT NULL,
            PRIMARY KEY(ordering_id, tag)
        );
        PRAGMA user_version = 1;
        """;

    /// <summary>Creates the tables in an empty database and turns the write-ahead log on, which the file remembers.</summary>
    public static void Create(SqliteConnection connection)
    {
        connection.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
        using var transaction = connection.BeginTransaction();
        connection.Execute(Tables);
        transaction.Commit();
    }

    /// <summary>Reads the version of an existing database.</summary>
    public static long Read(SqliteConnection connection) => connection.Scalar("PRAGMA user_version");
}
