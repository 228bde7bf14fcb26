using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mesh.Protocol.Crypto;

namespace Mesh.Node.State;

/// <summary>
/// Keeps one document in one file, so that damage is noticed: a first line <c>FORMAT SHA256-BASE64</c>, then JSON, which the digest
/// covers. Written atomically, mode 0600.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="format">Names the layout and its version: <c>mesh-map-v1</c>.</param>
/// <param name="type">Describes the document.</param>
sealed class CheckedFile<T>(string path, string format, JsonTypeInfo<T> type) where T : class
{
    /// <summary>Gets the file's path.</summary>
    public string Path { get; } = path;

    /// <summary>Reads the document; null where there is no file.</summary>
    /// <param name="damaged">What to tell people to do when the file cannot be believed.</param>
    /// <exception cref="MeshFailureException">The file is damaged or cannot be read.</exception>
    public T? Read(string damaged)
    {
        if (!File.Exists(Path))
            return null;
        var content = SecretFile.ReadAll(Path);
        var end = content.AsSpan().IndexOf((byte)'\n');
        if (end < 0)
            throw Damaged(damaged);
        var json = content.AsSpan(end + 1);
        if (!content.AsSpan(0, end).SequenceEqual(Head(json)))
            throw Damaged(damaged);
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw Damaged(damaged);
        }
        catch (JsonException failure)
        {
            throw Damaged(damaged, failure);
        }
    }

    /// <summary>Replaces the document.</summary>
    public void Write(T document)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(document, type);
        AtomicFile.Write(Path, [.. Head(json), (byte)'\n', .. json], UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>Removes the file.</summary>
    public void Delete() => AtomicFile.Delete(Path);

    byte[] Head(ReadOnlySpan<byte> json) => Encoding.ASCII.GetBytes($"{format} {Sha256.Hash(json)}");

    MeshFailureException Damaged(string what, Exception? cause = null) =>
        new(ExitCodes.BadConfiguration, $"{Path} is damaged: {what}", cause);
}
