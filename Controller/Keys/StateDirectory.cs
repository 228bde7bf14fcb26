namespace Mesh.Controller.Keys;

/// <summary>
/// Is the directory that holds everything a controller must not lose. Opening it takes a lock that ends with the process, however
/// it ends, so that two controllers never work on one state. Dispose it to let go.
/// </summary>
sealed class StateDirectory : IDisposable
{
    /// <summary>The name of the journal's file.</summary>
    public const string JournalName = "journal.db";

    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    readonly FileStream _lock;

    StateDirectory(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    /// <summary>Gets the absolute path.</summary>
    public string Path { get; }

    /// <summary>Gets the path of the journal's database.</summary>
    public string JournalPath => File(JournalName);

    /// <summary>Gets the path of the network root's private key, where it is at hand.</summary>
    public string RootKeyPath => File("root.key");

    /// <summary>Gets the path of the controller's Ed25519 signing key.</summary>
    public string SigningKeyPath => File("signing.key");

    /// <summary>Gets the path of the P-256 private key of the controller's certificate authority.</summary>
    public string AuthorityKeyPath => File("authority.key");

    /// <summary>Gets the path of what is public about the controller: ids, root key, authority certificate, delegation.</summary>
    public string IdentityPath => File("controller.json");

    /// <summary>Gets the path of the same for keys that were made and do not count yet.</summary>
    public string PreparedIdentityPath => File("controller.json.prepared");

    /// <summary>Gets the path of a file that is there once the journal holds the network: from then on an empty journal is one that was lost.</summary>
    public string FoundedPath => File("network.founded");

    /// <summary>Creates the directory where it is missing (mode 0700) and locks it.</summary>
    /// <exception cref="CommandException">It cannot be made or written to, or another controller has it.</exception>
    public static StateDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
            return new StateDirectory(path, new FileStream(System.IO.Path.Combine(path, "lock"), new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new CommandException(ExitCode.BadConfiguration,
                $"another mesh-controller runs on {path}: stop it, or name another directory with --state-dir", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.Explain(e, $"cannot use the state directory {path}");
        }
    }

    /// <summary>Lets another controller have the directory.</summary>
    public void Dispose() => _lock.Dispose();

    // EWOULDBLOCK from flock, as .NET on Linux reports it.
    const int WouldBlock = 11;

    string File(string name) => System.IO.Path.Combine(Path, name);
}
