namespace Mesh.Node.Configuration;

/// <summary>Puts a daemon's settings together from flags, environment and file, and refuses what it does not know.</summary>
static class SettingsReader
{
    const string Section = "mesh";

    /// <summary>What the configuration file may hold beside <see cref="DaemonSettings.Keys"/>: the static tunnel, read where it is set up.</summary>
    static readonly string[] _static = ["mesh.private-key-file", "mesh.addresses", "mesh.peers.*"];

    /// <summary>Reads the settings.</summary>
    /// <param name="flags">Values of flags by key; absent ones are not in it.</param>
    /// <param name="configPath">The file named by a flag; null: <c>MESH_CONFIG</c>, else the default one, which may be missing.</param>
    /// <param name="environment">Looks up an environment variable.</param>
    /// <exception cref="MeshFailureException">A flag (64), a variable or the file (78) will not do.</exception>
    public static DaemonSettings Read(IReadOnlyDictionary<string, string> flags, string? configPath, Func<string, string?> environment)
    {
        var settings = new DaemonSettings { CredentialsDirectory = environment("CREDENTIALS_DIRECTORY") };
        var file = ReadFile(configPath ?? environment("MESH_CONFIG"));
        settings = settings with { File = file };
        foreach (var setting in DaemonSettings.Keys)
        {
            if (flags.TryGetValue(setting.Key, out var flag))
                settings = With(settings, setting.Key, flag, $"--{setting.Key}", ExitCodes.Usage);
            else if (environment(setting.Variable) is { } variable)
                settings = With(settings, setting.Key, variable, setting.Variable, ExitCodes.BadConfiguration);
            else if (Written(file, setting) is { } written)
                settings = With(settings, setting.Key, written, $"{Section}.{setting.Key}", ExitCodes.BadConfiguration);
        }
        return settings;
    }

    static string? Written(Config file, DaemonSetting setting)
    {
        var path = $"{Section}.{setting.Key}";
        try
        {
            return setting.MayBeList && file.IsList(path) ? string.Join(',', file.GetStringList(path)) : file.GetString(path);
        }
        catch (ConfigurationException failure)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, failure.Message, failure);
        }
    }

    static DaemonSettings With(DaemonSettings settings, string key, string value, string source, int exitCode)
    {
        try
        {
            return settings.With(key, value);
        }
        catch (FormatException failure)
        {
            throw new MeshFailureException(exitCode, $"{source} '{value}' will not do: {failure.Message}", failure);
        }
    }

    static Config ReadFile(string? path)
    {
        if (path is null && !File.Exists(DaemonSettings.DefaultConfig))
            return ConfigurationFactory.Empty;
        path ??= DaemonSettings.DefaultConfig;
        try
        {
            var config = ConfigurationFactory.ParseString(File.ReadAllText(path));
            config.RefuseUnknown([.. DaemonSettings.Keys.Select(setting => $"{Section}.{setting.Key}"), .. _static, "akka.*"]);
            return config;
        }
        catch (ConfigurationException failure)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"{path}: {failure.Message}", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot read the configuration {path}: {failure.Message}", failure);
        }
    }
}
