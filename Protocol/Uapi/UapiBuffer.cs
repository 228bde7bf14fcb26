using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mesh.Protocol.Uapi;

/// <summary>
/// Grows with the lines that are written to it, and zeroes what it leaves behind when it grows and when it is disposed: lines hold keys. Not
/// safe for concurrent use.
/// </summary>
public sealed class UapiBuffer : IDisposable
{
    const int InitialRoom = 4096;
    const int KeptRoom = 256 << 10;

    byte[] _bytes = GC.AllocateUninitializedArray<byte>(InitialRoom, pinned: true);
    int _length;

    /// <summary>What was written.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    /// <summary>Room behind what was written, at least as long as asked for; <see cref="Advance"/> keeps what was put there.</summary>
    public Memory<byte> Room(int least)
    {
        Reserve(least);
        return _bytes.AsMemory(_length);
    }

    /// <summary>Keeps bytes that were put into <see cref="Room"/>.</summary>
    public void Advance(int count) => _length = checked(_length + count) <= _bytes.Length
        ? _length + count
        : throw new ArgumentOutOfRangeException(nameof(count));

    /// <summary>Drops and zeroes the first bytes; the rest moves to the front.</summary>
    public void Consume(int count)
    {
        _bytes.AsSpan(count, _length - count).CopyTo(_bytes);
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(_length - count, count));
        _length -= count;
        // A connection that stays open does not keep the room of its largest request.
        if (_length == 0 && _bytes.Length > KeptRoom)
            _bytes = GC.AllocateUninitializedArray<byte>(InitialRoom, pinned: true);
    }

    /// <summary>Writes ASCII and a line feed.</summary>
    public void WriteLine(string line)
    {
        Put(line);
        Put("\n");
    }

    /// <summary>Writes <c>name=value</c>.</summary>
    public void Write(string name, string value)
    {
        Put(name);
        Put("=");
        WriteLine(value);
    }

    /// <summary>Writes <c>name=number</c>.</summary>
    public void Write(string name, long number) => Write(name, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Writes <c>name=</c> and 32 bytes in lower-case hexadecimal; nothing stands for 32 zero bytes.</summary>
    public void WriteKey(string name, ReadOnlySpan<byte> key)
    {
        Put(name);
        Put("=");
        Reserve(64);
        var room = _bytes.AsSpan(_length, 64);
        if (key.IsEmpty)
            room.Fill((byte)'0');
        for (var i = 0; i < key.Length; i++)
        {
            room[2 * i] = Digit(key[i] >> 4);
            room[2 * i + 1] = Digit(key[i] & 15);
        }

        _length += 64;
        WriteLine("");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_bytes);
        _length = 0;
    }

    static byte Digit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);

    void Put(string text)
    {
        Reserve(text.Length);
        _length += Encoding.Latin1.GetBytes(text, _bytes.AsSpan(_length));
    }

    void Reserve(int least)
    {
        if (_bytes.Length - _length >= least)
            return;
        var grown = GC.AllocateUninitializedArray<byte>(Math.Max(checked(_length + least), _bytes.Length * 2), pinned: true);
        _bytes.AsSpan(0, _length).CopyTo(grown);
        CryptographicOperations.ZeroMemory(_bytes);
        _bytes = grown;
    }
}
