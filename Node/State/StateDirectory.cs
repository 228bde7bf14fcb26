using Mesh.Protocol.Trust;

namespace Mesh.Node.State;

/// <summary>
/// Owns a daemon's state directory (mode 0700) and the lock that keeps a second daemon out of it:
/// <c>identity.json</c> the sealed keys, <c>identity-next.json</c> the same with the next tunnel key while that is being changed, <c>network.json</c> the membership, <c>map.json</c> the last good map,
/// <c>endpoints.json</c> where peers were last reached. Not safe for concurrent use, but for <see cref="Map"/> and
/// <see cref="Endpoints"/>, which one actor writes.
/// </summary>
sealed class StateDirectory : IDisposable
{
    readonly FileStream _lock;

    StateDirectory(string path, FileStream held, WrappingKey wrapping)
    {
        _lock = held;
        Identity = new IdentityFile(Path.Combine(path, "identity.json"), wrapping);
        NextIdentity = new IdentityFile(Path.Combine(path, "identity-next.json"), wrapping);
        Network = new(Path.Combine(path, "network.json"), "mesh-network-v1", StateJson.Default.NetworkRecord);
        Map = new(Path.Combine(path, "map.json"), "mesh-map-v1", StateJson.Default.MapTrust);
        Endpoints = new(Path.Combine(path, "endpoints.json"), "mesh-endpoints-v1", StateJson.Default.EndpointRecord);
    }

    /// <summary>Gets the private keys.</summary>
    public IdentityFile Identity { get; }

    /// <summary>Gets the private keys with the next tunnel key, while the node changes it: no file otherwise.</summary>
    public IdentityFile NextIdentity { get; }

    /// <summary>Gets the membership.</summary>
    public CheckedFile<NetworkRecord> Network { get; }

    /// <summary>Gets the last good map.</summary>
    public CheckedFile<MapTrust> Map { get; }

    /// <summary>Gets where peers were last reached.</summary>
    public CheckedFile<EndpointRecord> Endpoints { get; }

    /// <summary>Opens a state directory, and makes it where there is none.</summary>
    /// <exception cref="MeshFailureException">Another daemon holds it, or it cannot be used.</exception>
    public static StateDirectory Open(string path, WrappingKey wrapping)
    {
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        try
        {
            Directory.CreateDirectory(path, owner);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot use the state directory {path}: {failure.Message}", failure);
        }
        var lockPath = Path.Combine(path, "lock");
        try
        {
            // FileShare.None is an flock(2): the kernel lets go of it with the process, however that ends.
            var held = new FileStream(lockPath, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            return new StateDirectory(path, held, wrapping);
        }
        // EWOULDBLOCK, which is how flock says that somebody else has it.
        catch (IOException held) when ((held.HResult & 0xFFFF) == 11)
        {
            throw new MeshFailureException(ExitCodes.Failed, $"another daemon uses the state directory {path}: stop it, or choose another --state-dir", held);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot use the state directory {path}: {failure.Message}", failure);
        }
    }

    /// <summary>Reads the membership; null where the machine belongs to no network.</summary>
    public NetworkRecord? ReadNetwork() => Network.Read("restore it from a backup, or remove it and enroll again with mesh up --auth-key");

    /// <summary>Reads the last good map; null where there is none.</summary>
    public MapTrust? ReadMap() => Map.Read($"remove it (rm {Map.Path}) and start again: the node fetches a fresh map from its controller");

    /// <summary>Forgets everything but the lock.</summary>
    public void Clear()
    {
        Network.Delete();
        Map.Delete();
        Endpoints.Delete();
        NextIdentity.Delete();
        Identity.Delete();
    }

    /// <summary>Lets go of the directory.</summary>
    public void Dispose() => _lock.Dispose();
}
