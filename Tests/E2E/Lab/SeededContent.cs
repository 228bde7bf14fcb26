using System.Runtime.InteropServices;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Is content that any part of can be made again from a seed: the SplitMix64 sequence, 8 bytes a step.</summary>
static class SeededContent
{
    /// <summary>Writes the part that begins at an offset, which is a multiple of 8.</summary>
    public static void Write(Span<byte> part, ulong seed, long offset)
    {
        var step = seed + (ulong)(offset / 8) * 0x9E3779B97F4A7C15;
        var words = MemoryMarshal.Cast<byte, ulong>(part);
        for (var i = 0; i < words.Length; i++)
            words[i] = Mix(step += 0x9E3779B97F4A7C15);
        var rest = part[(words.Length * 8)..];
        if (rest.IsEmpty)
            return;
        var last = Mix(step + 0x9E3779B97F4A7C15);
        MemoryMarshal.AsBytes(new Span<ulong>(ref last))[..rest.Length].CopyTo(rest);
    }

    /// <summary>Gives one number of the sequence's mixing function.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
