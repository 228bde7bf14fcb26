using System.Text.Json;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Controller.Verification;

/// <summary>Is a file that is being verified: its lines, the sum of what was read, and where a fault is. For one thread.</summary>
sealed class ExportFile(string name, Stream content) : IDisposable
{
    // The last line holds one signed statement; a longer one is none.
    const int MaximumLastLine = 16 << 10;

    readonly LineStream _lines = new(content);
    readonly RunningSha256 _hash = new();

    /// <summary>Gets the file's name.</summary>
    public string Name => name;

    /// <summary>Gets the signed statement of the last line, as <see cref="ReadLastLine"/> found it.</summary>
    public DsseEnvelope? Last { get; private set; }

    /// <summary>Gets the sum of everything before the last line, once that was read.</summary>
    public Digest256 HashBeforeLastLine { get; private set; }

    /// <summary>Gets the controllers that entries of this file withdraw, by their ids.</summary>
    public HashSet<string> Withdrawn { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets how many entries hold the hash of their payload alone.</summary>
    public long Pruned { get; private set; }

    /// <summary>Lets go of the sum; the content stays open.</summary>
    public void Dispose() => _hash.Dispose();

    /// <summary>Reads the last line without what is before it, and goes back to the beginning; null where it is none.</summary>
    public AuditStretch? ReadLastLine()
    {
        var tail = new byte[Math.Min(content.Length, MaximumLastLine)];
        content.Seek(-tail.Length, SeekOrigin.End);
        content.ReadExactly(tail);
        content.Seek(0, SeekOrigin.Begin);
        var line = tail.AsSpan().TrimEnd((byte)'\n');
        Last = LineJson.Read(line[(line.LastIndexOf((byte)'\n') + 1)..], LineJson.Default.LastLine)?.Stretch;
        return Last is not null && ProtocolJson.TryDecode(Last.Payload, ProtocolJson.Default.AuditStretch, out var stretch) ? stretch : null;
    }

    /// <summary>Reads the first line; null where it is none.</summary>
    public FirstLine? ReadFirst()
    {
        if (!_lines.TryRead(out var line) || !_lines.IsWhole)
            return null;
        Add(line);
        return LineJson.Read(line, LineJson.Default.FirstLine);
    }

    /// <summary>Reads the next line; false at the end. Where neither is given, it is neither.</summary>
    public bool TryReadEntry(out EntryLine? entry, out LastLine? end)
    {
        (entry, end) = (null, null);
        if (!_lines.TryRead(out var line))
            return false;
        if (!_lines.IsWhole)
            return true;
        if (line.StartsWith("""{"stretch":"""u8))
        {
            HashBeforeLastLine = _hash.Finish();
            end = LineJson.Read(line, LineJson.Default.LastLine);
            return true;
        }
        Add(line);
        entry = LineJson.Read(line, LineJson.Default.EntryLine);
        return true;
    }

    /// <summary>Remembers what an entry says that matters for the signature below.</summary>
    public void Note(EntryLine entry)
    {
        if (entry.Payload is null)
            Pruned++;
        if (entry.Manifest != "controller.withdrawn.v1" || entry.Payload is not { } payload)
            return;
        try
        {
            using var document = JsonDocument.Parse(payload);
            if (document.RootElement.TryGetProperty("controller", out var controller) && controller.GetString() is { } id)
                Withdrawn.Add(id);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException("its payload cannot be read", broken);
        }
    }

    /// <summary>Says what is wrong with the line read last.</summary>
    public ExportFault Fault(string what, long? ordering = null) => new(name, _lines.Number, ordering, what);

    /// <summary>Says whether something follows the last line, which nothing may.</summary>
    public ExportFault? FaultBehind() => _lines.TryRead(out _) ? Fault("nothing may follow the signed last line") : null;

    void Add(ReadOnlySpan<byte> line)
    {
        _hash.Append(line);
        _hash.Append("\n"u8);
    }
}
