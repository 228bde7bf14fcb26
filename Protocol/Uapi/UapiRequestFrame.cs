namespace Mesh.Protocol.Uapi;

/// <summary>What a request asks for.</summary>
public enum UapiRequestKind
{
    /// <summary>It is no request.</summary>
    None,

    /// <summary><c>get=1</c>.</summary>
    Get,

    /// <summary><c>set=1</c>.</summary>
    Set,
}

/// <summary>Finds where a request in a stream of bytes ends: at its empty line. Looks at every byte once, however they arrive.</summary>
public sealed class UapiRequestFrame
{
    int _lineStart;
    int _searched;
    int _operationsStart = -1;

    /// <summary>What was found.</summary>
    public UapiRequestKind Kind { get; private set; }

    /// <summary>Where the lines behind the first are, without the empty one.</summary>
    public Range Lines => _operationsStart.._lineStart;

    /// <summary>Bytes of the whole request, with the empty line.</summary>
    public int Length { get; private set; }

    /// <summary>Looks on; true when a request is complete or its first line says that it is none.</summary>
    /// <param name="received">Everything received so far, from the request's first byte on.</param>
    public bool TryFind(ReadOnlySpan<byte> received)
    {
        while (true)
        {
            var end = received[_searched..].IndexOf((byte)'\n');
            if (end < 0)
            {
                _searched = received.Length;
                // No first line is longer than those that there are.
                return _operationsStart < 0 && received.Length > 64;
            }

            end += _searched;
            var line = received[_lineStart..end];
            if (line.EndsWith("\r"u8) && _operationsStart >= 0)
                line = line[..^1];
            _searched = end + 1;
            if (_operationsStart < 0)
            {
                Kind = line.SequenceEqual("get=1"u8) ? UapiRequestKind.Get : line.SequenceEqual("set=1"u8) ? UapiRequestKind.Set : UapiRequestKind.None;
                if (Kind == UapiRequestKind.None)
                    return true;
                _operationsStart = _lineStart = end + 1;
                continue;
            }

            if (line.IsEmpty)
            {
                Length = end + 1;
                return true;
            }

            if (Kind == UapiRequestKind.Get)
            {
                // A get request has no lines.
                Kind = UapiRequestKind.None;
                return true;
            }

            _lineStart = end + 1;
        }
    }
}
