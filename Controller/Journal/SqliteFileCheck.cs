using System.Buffers.Binary;

namespace Mesh.Controller.Journal;

/// <summary>
/// Looks at the file and its write-ahead log before SQLite does (SQLite file format, "The Database Header" and "The Write-Ahead
/// Log"; all numbers big-endian). SQLite takes a file cut below one page for a new database, deletes its log and writes over it;
/// and under a live log it reads what is cut off as zeros. So every page must be there, in the file or in the log.
/// </summary>
internal static class SqliteFileCheck
{
    private const int HeaderSize = 100;
    private const int WalHeaderSize = 32;
    private const int WalFrameHeaderSize = 24;

    /// <summary>Throws <see cref="JournalCorruptException"/> when pages are missing. Changes nothing.</summary>
    public static void Check(string path)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        using var file = OpenShared(path);

        // A journal appears under its name only when its tables are in it, so a short file is a cut one and never a new one.
        if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize)
            throw Cut(path, file.Length);
        if (!header.StartsWith("SQLite format 3\0"u8))
            throw new JournalCorruptException(path, "the file is not a database");
        var pageSize = BinaryPrimitives.ReadUInt16BigEndian(header[16..]) is var stored and not 1 ? stored : 65536;
        if (pageSize < 512 || (pageSize & (pageSize - 1)) != 0)
            throw new JournalCorruptException(path, "its header is malformed");

        var (logged, pages) = ReadLog(path + "-wal", pageSize);
        if (pages == 0)
            pages = BinaryPrimitives.ReadUInt32BigEndian(header[28..]);
        for (var page = file.Length / pageSize + 1; page <= pages; page++)
        {
            if (!logged.Contains((uint)page))
                throw Cut(path, file.Length);
        }
    }

    /// <summary>
    /// Collects the pages that committed frames of the log hold, and the size of the database in pages after the last commit (0 where
    /// there is none). Frames of an older generation have other salts. A frame that SQLite will find torn may be counted; what it
    /// should have held was never acknowledged, and the structure check after opening sees the rest.
    /// </summary>
    private static (HashSet<uint> Pages, uint DatabaseSize) ReadLog(string path, int pageSize)
    {
        var committed = new HashSet<uint>();
        if (!File.Exists(path))
            return (committed, 0);
        using var log = OpenShared(path);
        var header = new byte[WalHeaderSize];
        if (log.ReadAtLeast(header, WalHeaderSize, throwOnEndOfStream: false) < WalHeaderSize)
            return (committed, 0);
        var salts = header.AsSpan(16, 8).ToArray();
        var frame = new byte[WalFrameHeaderSize];
        var pending = new List<uint>();
        uint size = 0;
        for (long at = WalHeaderSize; at + WalFrameHeaderSize + pageSize <= log.Length; at += WalFrameHeaderSize + pageSize)
        {
            log.Position = at;
            log.ReadExactly(frame);
            if (!frame.AsSpan(8, 8).SequenceEqual(salts))
                break;
            pending.Add(BinaryPrimitives.ReadUInt32BigEndian(frame));
            if (BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(4)) is var commit and not 0)
            {
                size = commit;
                committed.UnionWith(pending);
                pending.Clear();
            }
        }

        return (committed, size);
    }

    private static FileStream OpenShared(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    private static JournalCorruptException Cut(string path, long length) => new(path, $"it is cut to {length} bytes");
}
