using System.Runtime.InteropServices;

namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>Memory between two pages that cannot be touched: code that reads or writes past either end of it ends the process.</summary>
sealed unsafe partial class GuardedMemory : IDisposable
{
    const int Page = 4096;
    const int ProtNone = 0, ProtReadWrite = 3, MapPrivateAnonymous = 0x22;

    readonly nint _map;
    readonly int _size;

    public GuardedMemory(int size)
    {
        _size = (size + Page - 1) / Page * Page;
        _map = Map(0, (nuint)(_size + 2 * Page), ProtReadWrite, MapPrivateAnonymous, -1, 0);
        Assert.NotEqual(-1, _map);
        Assert.Equal(0, Protect(_map, Page, ProtNone));
        Assert.Equal(0, Protect(_map + Page + _size, Page, ProtNone));
    }

    /// <summary>The last bytes before the guard page.</summary>
    public Span<byte> Last(int count) => new((byte*)_map + Page + _size - count, count);

    /// <summary>The first bytes after the guard page.</summary>
    public Span<byte> First(int count) => new((byte*)_map + Page, count);

    public void Dispose() => _ = Unmap(_map, (nuint)(_size + 2 * Page));

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
