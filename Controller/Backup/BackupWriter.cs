using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Actors.Ports;
using Mesh.Controller.Journal;
using Mesh.Controller.Keys;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;

namespace Mesh.Controller.Backup;

/// <summary>
/// Takes backups of a running controller, in the form that <see cref="BackupFile"/> reads: the journal as of one moment, signed. No private
/// key is in it. One at a time; safe for concurrent use.
/// </summary>
sealed class BackupWriter(JournalDatabase journal, ControllerKeys keys, IClock clock)
{
    const int ChunkSize = 1 << 16;

    int _underWay;

    /// <summary>Lets one caller at a time take a backup, until what it gets is disposed; null while another does.</summary>
    public IDisposable? TryBegin() => Interlocked.Exchange(ref _underWay, 1) == 0 ? new Turn(this) : null;

    /// <summary>Writes a backup.</summary>
    public async Task WriteAsync(Stream to, CancellationToken cancellationToken)
    {
        using var hash = new RunningSha256();
        var chunk = new ArrayBufferWriter<byte>(ChunkSize);
        var (rows, revision) = (0L, 0L);
        var (takenAt, delegation) = (clock.Now, keys.Delegation);
        Add(Print(new BackupHead(BackupFile.Format, BackupFile.Version, keys.RootKey, delegation), BackupJson.Default.BackupHead));
        foreach (var line in JournalArchive.Lines(Counted(journal.ReadAll())))
        {
            Add(line);
            if (chunk.WrittenCount < ChunkSize)
                continue;
            await to.WriteAsync(chunk.WrittenMemory, cancellationToken);
            chunk.ResetWrittenCount();
        }
        var statement = new BackupStatement(
            keys.Network, keys.Controller, keys.Epoch, takenAt, ProgramVersion.Text, rows, revision, hash.Finish());
        var signed = keys.Sign(BackupFile.PayloadType, JsonSerializer.SerializeToUtf8Bytes(statement, BackupJson.Default.BackupStatement));
        chunk.Write(Encoding.UTF8.GetBytes(Print(signed, ProtocolJson.Default.DsseEnvelope) + "\n"));
        await to.WriteAsync(chunk.WrittenMemory, cancellationToken);

        void Add(string line)
        {
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            hash.Append(bytes);
            chunk.Write(bytes);
        }

        IEnumerable<StoredRow> Counted(IEnumerable<StoredRow> all)
        {
            foreach (var row in all)
            {
                (rows, revision) = (rows + 1, row.Ordering);
                yield return row;
            }
        }
    }

    static string Print<T>(T document, JsonTypeInfo<T> type) => JsonSerializer.Serialize(document, type);

    sealed class Turn(BackupWriter writer) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref writer._underWay, 0);
    }
}
