using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Mesh.Protocol.Segmentation;

/// <summary>
/// The checksum of IPv4, TCP, UDP, ICMP and ICMPv6 (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words. A sum under
/// way is a <see cref="ulong"/> that starts at 0 and has room for 2^31 bytes. Pure functions, safe for concurrent use.
/// </summary>
/// <remarks>
/// The sum does not depend on the order of the two bytes in a word (RFC 1071, section 2 B), so words are added as little-endian machines load
/// them, several to a register, and swapped once in <see cref="Fold"/>. Bytes added in several pieces must be cut at even offsets. Registers
/// of 512 bits gain nothing on packets of 1,400 bytes, and lose when copying, where every store crosses a cache line.
/// </remarks>
public static class InternetChecksum
{
    /// <summary>Adds bytes; an odd number of them counts as if a zero byte followed.</summary>
    public static ulong Add(ReadOnlySpan<byte> bytes, ulong sum) => Add(ref MemoryMarshal.GetReference(bytes), bytes.Length, sum);

    /// <summary>Adds a 16-bit word given as a number.</summary>
    public static ulong AddWord(int word, ulong sum) => sum + BinaryPrimitives.ReverseEndianness((ushort)word);

    /// <summary>Adds the pseudo header of TCP and UDP (RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1).</summary>
    /// <param name="addresses">Source and destination as they stand in the IP header: 8 bytes or 32.</param>
    /// <param name="protocol">The transport's protocol number.</param>
    /// <param name="length">Bytes of transport header and payload.</param>
    /// <param name="sum">The sum so far.</param>
    public static ulong AddPseudoHeader(ReadOnlySpan<byte> addresses, byte protocol, int length, ulong sum) =>
        AddWord(length, AddWord(length >> 16, AddWord(protocol, Add(addresses, sum))));

    /// <summary>Folds a sum into 16 bits, without the final complement: 0xffff for bytes that contain their right checksum.</summary>
    /// <returns>The value as a number, to be written big-endian.</returns>
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff_ffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return BinaryPrimitives.ReverseEndianness((ushort)((sum & 0xffff) + (sum >> 16)));
    }

    /// <summary>Ends a sum: the checksum to be written big-endian.</summary>
    public static ushort Finish(ulong sum) => (ushort)~Fold(sum);

    /// <summary>Copies bytes and adds them, in one pass over memory.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="destination">At least as many bytes; may overlap the source only from a higher address.</param>
    /// <param name="sum">The sum so far.</param>
    /// <exception cref="ArgumentException">The destination is too short, or overlaps the source from a lower address.</exception>
    public static ulong AddCopy(ReadOnlySpan<byte> source, Span<byte> destination, ulong sum)
    {
        if (destination.Length < source.Length)
            throw new ArgumentException("The destination is shorter than the source.", nameof(destination));
        if (source.Overlaps(destination, out var offset) && offset < 0)
            throw new ArgumentException("The destination overlaps the source from a lower address.", nameof(destination));
        return AddMoveUp(ref MemoryMarshal.GetReference(source), ref MemoryMarshal.GetReference(destination), source.Length, sum);
    }

    internal static ulong Add(ref byte bytes, int length, ulong sum)
    {
        nuint at = 0;
        var left = (nuint)(uint)length;
        if (Avx2.IsSupported && left >= 64)
        {
            // Compiled ahead of time, for machines that may not have AVX2, this is left out: there the narrower loop keeps up with memory.
            var low = Vector256<ulong>.Zero;
            var high = Vector256<ulong>.Zero;
            var mask = Vector256.Create(0xffff_fffful);
            for (; left >= 32; at += 32, left -= 32)
            {
                var v = Unsafe.ReadUnaligned<Vector256<ulong>>(ref Unsafe.Add(ref bytes, at));
                low = Avx2.Add(low, Avx2.And(v, mask));
                high = Avx2.Add(high, Avx2.ShiftRightLogical(v, 32));
            }

            low = Avx2.Add(low, high);
            sum += Vector128.Sum(low.GetLower() + low.GetUpper());
        }

        if (Vector128.IsHardwareAccelerated && left >= 32)
        {
            var low = Vector128<ulong>.Zero;
            var high = Vector128<ulong>.Zero;
            var mask = Vector128.Create(0xffff_fffful);
            for (; left >= 16; at += 16, left -= 16)
            {
                var v = Vector128.LoadUnsafe(ref bytes, at).AsUInt64();
                low += v & mask;
                high += v >>> 32;
            }

            sum += Vector128.Sum(low + high);
        }

        for (; left >= 8; at += 8, left -= 8)
        {
            var v = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref bytes, at));
            sum += (v & 0xffff_ffff) + (v >> 32);
        }

        if ((left & 4) != 0)
        {
            sum += Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref bytes, at));
            at += 4;
        }

        if ((left & 2) != 0)
        {
            sum += Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref bytes, at));
            at += 2;
        }

        return (left & 1) != 0 ? sum + Unsafe.Add(ref bytes, at) : sum;
    }

    /// <summary>Copies from the end to the start, so that a destination may overlap the source from above.</summary>
    internal static ulong AddMoveUp(ref byte source, ref byte destination, int length, ulong sum)
    {
        var left = (nuint)(uint)length;
        if ((left & 1) != 0)
        {
            left--;
            var v = Unsafe.Add(ref source, left);
            Unsafe.Add(ref destination, left) = v;
            sum += v;
        }

        if ((left & 2) != 0)
        {
            left -= 2;
            var v = Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref source, left));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, left), v);
            sum += v;
        }

        if ((left & 4) != 0)
        {
            left -= 4;
            var v = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref source, left));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, left), v);
            sum += v;
        }

        if (Avx2.IsSupported && left >= 32)
        {
            sum = MoveWords(ref source, ref destination, ref left, left & ~(nuint)31, sum);
            var low = Vector256<ulong>.Zero;
            var high = Vector256<ulong>.Zero;
            var mask = Vector256.Create(0xffff_fffful);
            while (left != 0)
            {
                left -= 32;
                var v = Unsafe.ReadUnaligned<Vector256<ulong>>(ref Unsafe.Add(ref source, left));
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, left), v);
                low = Avx2.Add(low, Avx2.And(v, mask));
                high = Avx2.Add(high, Avx2.ShiftRightLogical(v, 32));
            }

            low = Avx2.Add(low, high);
            return sum + Vector128.Sum(low.GetLower() + low.GetUpper());
        }

        if (Vector128.IsHardwareAccelerated && left >= 16)
        {
            sum = MoveWords(ref source, ref destination, ref left, left & ~(nuint)15, sum);
            var low = Vector128<ulong>.Zero;
            var high = Vector128<ulong>.Zero;
            var mask = Vector128.Create(0xffff_fffful);
            while (left != 0)
            {
                left -= 16;
                var v = Vector128.LoadUnsafe(ref source, left).AsUInt64();
                v.AsByte().StoreUnsafe(ref destination, left);
                low += v & mask;
                high += v >>> 32;
            }

            return sum + Vector128.Sum(low + high);
        }

        return MoveWords(ref source, ref destination, ref left, 0, sum);
    }

    /// <summary>Moves 8 bytes at a time until as many as asked for are left.</summary>
    static ulong MoveWords(ref byte source, ref byte destination, ref nuint left, nuint stop, ulong sum)
    {
        while (left != stop)
        {
            left -= 8;
            var v = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, left));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, left), v);
            sum += (v & 0xffff_ffff) + (v >> 32);
        }

        return sum;
    }
}
