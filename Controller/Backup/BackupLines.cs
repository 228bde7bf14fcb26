using System.Buffers;
using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;

namespace Mesh.Controller.Backup;

/// <summary>
/// Hands over the lines of a backup and hashes their very bytes. Between the first line and the last it reads as the journal's archive
/// that stands there, and ends where that ends.
/// </summary>
sealed class BackupLines(Stream stream, string name) : TextReader
{
    // A row holds one event; the largest is a policy, four times encoded.
    const int MaximumLine = 16 << 20;

    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    readonly RunningSha256 _content = new();
    readonly RunningSha256 _whole = new();
    readonly byte[] _buffer = new byte[1 << 16];
    readonly ArrayBufferWriter<byte> _line = new();
    int _start;
    int _end;
    bool _archiveIsOver;

    /// <summary>Gets the number of the line read last, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>Reads the next line of the archive.</summary>
    public override string? ReadLine()
    {
        if (_archiveIsOver || Next() is not { } line)
            return null;
        _archiveIsOver = line.StartsWith("""{"rows":""", StringComparison.Ordinal);
        return line;
    }

    /// <summary>Reads the next line of the backup, whatever it is; null at the end.</summary>
    public string? Next(bool isContent = true)
    {
        _line.ResetWrittenCount();
        while (true)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, stream.Read(_buffer));
                if (_end == 0)
                    return _line.WrittenCount == 0 ? null : throw Wrong(Number + 1, "it is cut in the middle of a line");
            }
            var rest = _buffer.AsSpan(_start.._end);
            var feed = rest.IndexOf((byte)'\n');
            var part = feed < 0 ? rest : rest[..(feed + 1)];
            _line.Write(part);
            _start += part.Length;
            if (_line.WrittenCount > MaximumLine)
                throw Wrong(Number + 1, "it is no backup: the line is too long");
            if (feed >= 0)
                break;
        }
        Number++;
        _whole.Append(_line.WrittenSpan);
        if (isContent)
            _content.Append(_line.WrittenSpan);
        try
        {
            return Strict.GetString(_line.WrittenSpan[..^1]);
        }
        catch (DecoderFallbackException e)
        {
            throw Wrong(Number, "it is not text", e);
        }
    }

    /// <summary>Gives the digest of everything but lines that were read as no content.</summary>
    public Digest256 Content() => _content.Finish();

    /// <summary>Gives the digest of the whole.</summary>
    public Digest256 Whole() => _whole.Finish();

    /// <summary>Says what is wrong with a line.</summary>
    public CommandException Wrong(int number, string what, Exception? cause = null) => new(
        ExitCode.BadInput, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}, line {number}: {what}: nothing was changed"), cause);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _content.Dispose();
            _whole.Dispose();
            stream.Dispose();
        }
        base.Dispose(disposing);
    }
}
