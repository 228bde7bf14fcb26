namespace Mesh.Controller.Verification;

/// <summary>Cuts a file into lines as bytes: what is no UTF-8 must not be made into some. For one thread.</summary>
sealed class LineStream(Stream stream)
{
    /// <summary>The greatest length of a line: that of the greatest policy twice over, in base64.</summary>
    public const int MaximumLine = 16 << 20;

    byte[] _buffer = new byte[64 << 10];
    int _begin;
    int _end;

    /// <summary>Gets the number of the line read last, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>Gets whether the line read last ended with a line feed, as every line does.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Reads the next line without its line feed; false at the end. The bytes are good until the next call.</summary>
    /// <exception cref="InvalidDataException">The line is longer than any line can be.</exception>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        Number++;
        var searched = 0;
        while (true)
        {
            var at = _buffer.AsSpan(_begin + searched, _end - _begin - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                line = _buffer.AsSpan(_begin, searched + at);
                _begin += searched + at + 1;
                IsWhole = true;
                return true;
            }
            searched = _end - _begin;
            if (searched > MaximumLine)
                throw new InvalidDataException("it is longer than a line can be");
            if (Fill())
                continue;
            line = _buffer.AsSpan(_begin, searched);
            _begin = _end;
            IsWhole = false;
            return searched > 0;
        }
    }

    bool Fill()
    {
        if (_begin > 0)
        {
            _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
            (_begin, _end) = (0, _end - _begin);
        }
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length * 2);
        var read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}
