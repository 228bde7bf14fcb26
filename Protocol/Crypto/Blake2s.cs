using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Computes BLAKE2s (RFC 7693): digests, keyed MACs of 1 to 32 bytes, HMAC and the key derivation built on it. It is written here because
/// libcrypto offers the keyed form only through an allocated context per key, and is slower for the short inputs of the protocol
/// (measured: 0.13 us against 0.11 us for 64 bytes). Allocates nothing; running time depends on lengths only.
/// </summary>
public struct Blake2s
{
    /// <summary>The length of a full digest.</summary>
    public const int HashSize = 32;

    const int BlockSize = 64;

    static readonly uint[] _initialVector =
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    static ReadOnlySpan<byte> Sigma =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
    ];

    [InlineArray(8)]
    struct State
    {
        uint _first;
    }

    [InlineArray(BlockSize)]
    struct Block
    {
        byte _first;
    }

    State _state;
    Block _buffer;
    ulong _counter;
    int _buffered;
    readonly int _size;

    /// <summary>Starts a digest of 1 to 32 bytes, keyed when the key is not empty.</summary>
    public Blake2s(int size, scoped ReadOnlySpan<byte> key = default)
    {
        if (size is < 1 or > HashSize || key.Length > HashSize)
            throw new CryptographicException("BLAKE2s digests and keys are at most 32 bytes");
        _size = size;
        _initialVector.AsSpan().CopyTo(_state);
        _state[0] ^= 0x01010000u ^ ((uint)key.Length << 8) ^ (uint)size;
        if (key.Length == 0)
            return;
        key.CopyTo(_buffer);
        _buffered = BlockSize;
    }

    /// <summary>Adds bytes.</summary>
    public void Update(scoped ReadOnlySpan<byte> data)
    {
        while (data.Length != 0)
        {
            // The last block is compressed with a mark, so a full one waits until it is known not to be the last.
            if (_buffered == BlockSize)
            {
                _counter += BlockSize;
                Compress(last: false);
                _buffered = 0;
            }
            var take = Math.Min(BlockSize - _buffered, data.Length);
            data[..take].CopyTo(((Span<byte>)_buffer)[_buffered..]);
            _buffered += take;
            data = data[take..];
        }
    }

    /// <summary>Writes the digest and zeroes the state; the instance is used up.</summary>
    public void Finish(scoped Span<byte> digest)
    {
        if (digest.Length != _size)
            throw new CryptographicException("the digest has another length than was asked for");
        _counter += (ulong)_buffered;
        ((Span<byte>)_buffer)[_buffered..].Clear();
        Compress(last: true);
        Span<byte> full = stackalloc byte[HashSize];
        for (var i = 0; i < 8; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(full[(4 * i)..], _state[i]);
        full[.._size].CopyTo(digest);
        CryptographicOperations.ZeroMemory(full);
        CryptographicOperations.ZeroMemory(_buffer);
        ((Span<uint>)_state).Clear();
    }

    /// <summary>Writes the 32-byte digest of the concatenation.</summary>
    public static void Hash(Span<byte> digest, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        var hash = new Blake2s(HashSize);
        hash.Update(first);
        hash.Update(second);
        hash.Finish(digest);
    }

    /// <summary>Writes the keyed digest of a message, as long as <paramref name="mac"/>.</summary>
    public static void Mac(Span<byte> mac, ReadOnlySpan<byte> key, ReadOnlySpan<byte> message)
    {
        var hash = new Blake2s(mac.Length, key);
        hash.Update(message);
        hash.Finish(mac);
    }

    /// <summary>Writes HMAC-BLAKE2s (RFC 2104), 32 bytes, of the concatenation; the key is at most 64 bytes.</summary>
    public static void Hmac(Span<byte> mac, ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        if (key.Length > BlockSize)
            throw new CryptographicException("this HMAC takes keys of at most 64 bytes");
        Span<byte> pad = stackalloc byte[BlockSize];
        pad.Fill(0x36);
        for (var i = 0; i < key.Length; i++)
            pad[i] ^= key[i];
        Span<byte> inner = stackalloc byte[HashSize];
        var hash = new Blake2s(HashSize);
        hash.Update(pad);
        hash.Update(first);
        hash.Update(second);
        hash.Finish(inner);
        for (var i = 0; i < BlockSize; i++)
            pad[i] ^= 0x36 ^ 0x5c;
        hash = new Blake2s(HashSize);
        hash.Update(pad);
        hash.Update(inner);
        hash.Finish(mac);
        CryptographicOperations.ZeroMemory(pad);
        CryptographicOperations.ZeroMemory(inner);
    }

    /// <summary>
    /// Derives up to three 32-byte keys (WireGuard paper section 5.4: KDF1 to KDF3; HKDF of RFC 5869 with HMAC-BLAKE2s and no info). Empty
    /// spans at the end are not derived. An output may be the same memory as <paramref name="chainingKey"/>.
    /// </summary>
    public static void Kdf(ReadOnlySpan<byte> chainingKey, ReadOnlySpan<byte> input, Span<byte> first, Span<byte> second = default,
        Span<byte> third = default)
    {
        Span<byte> secret = stackalloc byte[HashSize];
        Span<byte> previous = stackalloc byte[HashSize + 1];
        Hmac(secret, chainingKey, input);
        previous[HashSize] = 1;
        Hmac(previous[..HashSize], secret, previous[HashSize..]);
        previous[..HashSize].CopyTo(first);
        if (!second.IsEmpty)
        {
            previous[HashSize] = 2;
            Hmac(previous[..HashSize], secret, previous);
            previous[..HashSize].CopyTo(second);
        }
        if (!third.IsEmpty)
        {
            previous[HashSize] = 3;
            Hmac(previous[..HashSize], secret, previous);
            previous[..HashSize].CopyTo(third);
        }
        CryptographicOperations.ZeroMemory(secret);
        CryptographicOperations.ZeroMemory(previous);
    }

    void Compress(bool last)
    {
        ReadOnlySpan<byte> block = _buffer;
        Span<uint> m = stackalloc uint[16];
        for (var i = 0; i < 16; i++)
            m[i] = BinaryPrimitives.ReadUInt32LittleEndian(block[(4 * i)..]);
        var iv = _initialVector;
        uint v0 = _state[0], v1 = _state[1], v2 = _state[2], v3 = _state[3], v4 = _state[4], v5 = _state[5], v6 = _state[6], v7 = _state[7];
        uint v8 = iv[0], v9 = iv[1], v10 = iv[2], v11 = iv[3];
        var v12 = iv[4] ^ (uint)_counter;
        var v13 = iv[5] ^ (uint)(_counter >> 32);
        var v14 = last ? ~iv[6] : iv[6];
        var v15 = iv[7];
        for (var round = 0; round < 10; round++)
        {
            var s = Sigma.Slice(round * 16, 16);
            Mix(ref v0, ref v4, ref v8, ref v12, m[s[0]], m[s[1]]);
            Mix(ref v1, ref v5, ref v9, ref v13, m[s[2]], m[s[3]]);
            Mix(ref v2, ref v6, ref v10, ref v14, m[s[4]], m[s[5]]);
            Mix(ref v3, ref v7, ref v11, ref v15, m[s[6]], m[s[7]]);
            Mix(ref v0, ref v5, ref v10, ref v15, m[s[8]], m[s[9]]);
            Mix(ref v1, ref v6, ref v11, ref v12, m[s[10]], m[s[11]]);
            Mix(ref v2, ref v7, ref v8, ref v13, m[s[12]], m[s[13]]);
            Mix(ref v3, ref v4, ref v9, ref v14, m[s[14]], m[s[15]]);
        }
        _state[0] ^= v0 ^ v8;
        _state[1] ^= v1 ^ v9;
        _state[2] ^= v2 ^ v10;
        _state[3] ^= v3 ^ v11;
        _state[4] ^= v4 ^ v12;
        _state[5] ^= v5 ^ v13;
        _state[6] ^= v6 ^ v14;
        _state[7] ^= v7 ^ v15;
        m.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Mix(ref uint a, ref uint b, ref uint c, ref uint d, uint x, uint y)
    {
        a += b + x;
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 12);
        a += b + y;
        d = BitOperations.RotateRight(d ^ a, 8);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 7);
    }
}
