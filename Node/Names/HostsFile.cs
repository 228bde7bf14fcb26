using System.Text;

namespace Mesh.Node.Names;

/// <summary>
/// Keeps the marked block of one interface in a hosts file. The file is replaced atomically with its mode kept; where it is a
/// mount point, as in a network namespace, it is written in place. Not safe for concurrent use.
/// </summary>
/// <param name="path">The file; it is made where there is none.</param>
/// <param name="interfaceName">Names the block.</param>
sealed class HostsFile(string path, string interfaceName)
{
    const UnixFileMode Standard = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // Bytes, not characters, are what must stay: Latin-1 maps each byte to one character and back.
    static readonly Encoding _bytes = Encoding.Latin1;

    /// <summary>Makes the block say this; without entries the block goes.</summary>
    /// <exception cref="IOException">The file cannot be read or written; the message names it.</exception>
    public void Set(IReadOnlyList<HostsEntry> entries)
    {
        try
        {
            var target = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            var exists = File.Exists(target);
            if (!exists && entries.Count == 0)
                return;
            var old = exists ? _bytes.GetString(File.ReadAllBytes(target)) : "";
            var next = HostsBlock.Replace(old, interfaceName, entries);
            if (next != old)
                Replace(target, _bytes.GetBytes(next), exists ? File.GetUnixFileMode(target) : Standard);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot name peers in {path}: {failure.Message}", failure);
        }
    }

    static void Replace(string target, byte[] content, UnixFileMode mode)
    {
        var beside = $"{target}.mesh-new";
        try
        {
            File.Delete(beside);
            using (var handle = File.OpenHandle(beside, FileMode.CreateNew, FileAccess.Write))
            {
                File.SetUnixFileMode(handle, mode);
                RandomAccess.Write(handle, content, 0);
                RandomAccess.FlushToDisk(handle);
            }
            File.Move(beside, target, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The file is a mount point (EBUSY), or its directory is not writable: what is left is to write it where it is.
            File.Delete(beside);
            WriteInPlace(target, content);
        }
    }

    static void WriteInPlace(string target, byte[] content)
    {
        using var handle = File.OpenHandle(target, FileMode.OpenOrCreate, FileAccess.Write);
        RandomAccess.Write(handle, content, 0);
        RandomAccess.SetLength(handle, content.Length);
        RandomAccess.FlushToDisk(handle);
    }
}
