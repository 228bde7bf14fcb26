using BenchmarkDotNet.Attributes;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Micro;

/// <summary>Sealing and opening one packet under a session's key.</summary>
public class PacketCipher
{
    AeadStream _sealing = null!, _opening = null!;
    byte[] _packet = null!, _sealed = null!;
    ulong _counter;

    [Params(64, 1420)]
    public int Bytes { get; set; }

    [Params(CipherSuite.ChaCha20Poly1305, CipherSuite.Aes256Gcm)]
    public CipherSuite Suite { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var key = new byte[AeadStream.KeySize];
        (_sealing, _opening) = (AeadStream.ForSealing(Suite, key), AeadStream.ForOpening(Suite, key));
        _packet = new byte[Bytes + AeadStream.TagSize];
        _sealed = new byte[Bytes + AeadStream.TagSize];
        if (!_sealing.TrySeal(0, _sealed))
            throw new InvalidOperationException("not sealed");
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _sealing.Dispose();
        _opening.Dispose();
    }

    [Benchmark]
    public bool Seal() => _sealing.TrySeal(++_counter, _packet);

    /// <summary>With the copy of the ciphertext that opening in place uses up.</summary>
    [Benchmark]
    public bool Open()
    {
        _sealed.CopyTo(_packet, 0);
        return _opening.TryOpen(0, _packet) ? true : throw new InvalidOperationException("not opened");
    }
}
