using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Mesh.Protocol.Crypto;

/// <summary>
/// Seals or opens packets of one direction of one session under one key, in place. The nonce is 4 zero bytes and a 64-bit counter:
/// little-endian for ChaCha20-Poly1305, big-endian for AES-256-GCM (Noise revision 34 section 12.3 and 12.4). Each thread inside works on
/// a libcrypto context that was keyed once. Safe for concurrent use, also of <see cref="Dispose"/> against calls and leases that are under
/// way; the calls allocate nothing on the managed heap.
/// </summary>
public sealed unsafe class AeadStream : IDisposable
{
    /// <summary>The length of the key.</summary>
    public const int KeySize = 32;

    /// <summary>The length of the tag that follows the ciphertext.</summary>
    public const int TagSize = 16;

    // A context is taken out of its slot for the time of one lease. Two packet threads a direction are usual; more threads than slots
    // cost a context made and freed per lease, not correctness.
    const int Slots = 8;

    readonly bool _seals;
    readonly byte[] _key = GC.AllocateArray<byte>(KeySize, pinned: true);
    SlotArray _slots;
    int _disposed;

    [InlineArray(Slots)]
    struct SlotArray
    {
        nint _first;
    }

    AeadStream(CipherSuite suite, ReadOnlySpan<byte> key, bool seals)
    {
        if (key.Length != KeySize)
            throw new CryptographicException("the key of a packet cipher is 32 bytes");
        key.CopyTo(_key);
        Suite = suite;
        _seals = seals;
    }

    /// <summary>Frees the contexts of an instance that was never disposed.</summary>
    ~AeadStream() => Dispose();

    /// <summary>Creates the sending direction.</summary>
    public static AeadStream ForSealing(CipherSuite suite, ReadOnlySpan<byte> key) => new(suite, key, seals: true);

    /// <summary>Creates the receiving direction.</summary>
    public static AeadStream ForOpening(CipherSuite suite, ReadOnlySpan<byte> key) => new(suite, key, seals: false);

    /// <summary>Gets the cipher.</summary>
    public CipherSuite Suite { get; }

    /// <summary>
    /// Takes a context for a run of packets; dispose the lease after it. While it lasts, packets are sealed or opened even if the stream is
    /// disposed meanwhile, up to 2048 bytes each; a new lease then is not valid.
    /// </summary>
    public Lease Rent()
    {
        if (Volatile.Read(ref _disposed) != 0)
            return default;
        var start = Environment.CurrentManagedThreadId;
        for (var i = 0; i < Slots; i++)
        {
            ref var slot = ref _slots[(start + i) & (Slots - 1)];
            if (Volatile.Read(ref slot) == 0)
                continue;
            var context = Interlocked.Exchange(ref slot, 0);
            if (context != 0)
                return new Lease(this, (AeadContext*)context);
        }
        return new Lease(this, CreateContext());
    }

    /// <summary>Seals one packet: a lease of one <see cref="Lease.TrySeal"/>.</summary>
    public bool TrySeal(ulong counter, Span<byte> plaintextAndTag)
    {
        using var lease = Rent();
        return lease.TrySeal(counter, plaintextAndTag);
    }

    /// <summary>Opens one packet: a lease of one <see cref="Lease.TryOpen"/>.</summary>
    public bool TryOpen(ulong counter, Span<byte> ciphertextAndTag)
    {
        using var lease = Rent();
        return lease.TryOpen(counter, ciphertextAndTag);
    }

    /// <summary>
    /// Zeroes the key and frees the contexts; a context that another thread holds is freed by that thread when it is done. Leases that
    /// start afterwards are not valid.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            CryptographicOperations.ZeroMemory(_key);
            Drain();
        }
        GC.SuppressFinalize(this);
    }

    void Return(AeadContext* context)
    {
        var start = Environment.CurrentManagedThreadId;
        for (var i = 0; i < Slots; i++)
        {
            ref var slot = ref _slots[(start + i) & (Slots - 1)];
            if (Interlocked.CompareExchange(ref slot, (nint)context, 0) == 0)
            {
                // Dispose may have passed this slot just before: whoever sees both puts things right.
                if (Volatile.Read(ref _disposed) != 0)
                    Drain();
                return;
            }
        }
        AeadContext.Free(context);
    }

    AeadContext* CreateContext()
    {
        AeadContext* context;
        fixed (byte* key = _key)
            context = AeadContext.Create(Suite, _seals, key);
        if (WasKeyWhole())
            return context;
        AeadContext.Free(context);
        return null;
    }

    bool TryAddAead(AeadContext* context)
    {
        fixed (byte* key = _key)
            context->AddAead(key);
        if (WasKeyWhole())
            return true;
        context->DropAead();
        return false;
    }

    // The key is zeroed only after the flag is set: a flag still clear after the key was read means that the whole key was.
    bool WasKeyWhole()
    {
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref _disposed) == 0;
    }

    void Drain()
    {
        for (var i = 0; i < Slots; i++)
        {
            var context = Interlocked.Exchange(ref _slots[i], 0);
            if (context != 0)
                AeadContext.Free((AeadContext*)context);
        }
    }

    /// <summary>
    /// Holds a context of a stream for one thread. The default value holds none and refuses everything. Not to be copied; dispose it once.
    /// </summary>
    public ref struct Lease
    {
        readonly AeadStream? _stream;
        AeadContext* _context;

        internal Lease(AeadStream stream, AeadContext* context)
        {
            _stream = stream;
            _context = context;
        }

        /// <summary>Gets whether there is a context: false when the stream was disposed before.</summary>
        public readonly bool IsValid => _context != null;

        /// <summary>
        /// Encrypts all but the last 16 bytes of the span in place and writes the tag over these. Returns false, with the span unchanged,
        /// when the stream is disposed.
        /// </summary>
        public readonly bool TrySeal(ulong counter, Span<byte> plaintextAndTag)
        {
            var length = plaintextAndTag.Length - TagSize;
            if (_context == null || !IsReadyFor(length))
                return false;
            fixed (byte* data = plaintextAndTag)
                _context->Seal(counter, data, length);
            return true;
        }

        /// <summary>
        /// Checks the tag in the last 16 bytes of the span and decrypts the rest in place. Returns false when the tag is wrong, with the
        /// content of the span lost, or when the stream is disposed.
        /// </summary>
        public readonly bool TryOpen(ulong counter, Span<byte> ciphertextAndTag)
        {
            var length = ciphertextAndTag.Length - TagSize;
            if (length < 0 || _context == null || !IsReadyFor(length))
                return false;
            fixed (byte* data = ciphertextAndTag)
                return _context->TryOpen(counter, data, length);
        }

        /// <summary>Gives the context back.</summary>
        public void Dispose()
        {
            if (_context == null)
                return;
            _stream!.Return(_context);
            _context = null;
        }

        readonly bool IsReadyFor(int length)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length);
            return _context->Takes(length) || _stream!.TryAddAead(_context);
        }
    }
}
