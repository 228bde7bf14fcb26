using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Mesh.Actors.Engine.Actor;
using Mesh.Actors.Engine.Configuration;
using Mesh.Actors.Engine.Persistence.Journal;
using Mesh.Actors.Engine.Persistence.Snapshot;

namespace Mesh.Actors.Engine.Persistence;

/// <summary>
/// Starts journal and snapshot plugins, one actor for each configuration path, and gives out recovery permits. A plugin is an actor class
/// named by <c>class = "Type, assembly"</c> with a constructor that takes its configuration, or none. Safe for concurrent use.
/// </summary>
public sealed class PersistenceExtension : IExtension
{
    private const string NoSnapshotStoreId = "akka.persistence.no-snapshot-store";

    private static readonly Config Defaults = ConfigurationFactory.ParseString("""
        akka.persistence {
          max-concurrent-recoveries = 50
          journal {
            plugin = akka.persistence.journal.inmem
            inmem.class = "Mesh.Actors.Engine.Persistence.Journal.MemoryJournal, Mesh.Actors.Engine"
          }
          snapshot-store {
            plugin = akka.persistence.no-snapshot-store
            inmem.class = "Mesh.Actors.Engine.Persistence.Snapshot.MemorySnapshotStore, Mesh.Actors.Engine"
          }
          no-snapshot-store.class = "Mesh.Actors.Engine.Persistence.Snapshot.NoSnapshotStore, Mesh.Actors.Engine"
          journal-plugin-fallback {
            recovery-event-timeout = 30s
            circuit-breaker { max-failures = 10, call-timeout = 10s, reset-timeout = 30s }
          }
          snapshot-store-plugin-fallback {
            circuit-breaker { max-failures = 5, call-timeout = 20s, reset-timeout = 60s }
          }
        }
        """);

    private readonly ExtendedActorSystem _system;
    private readonly Config _config;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, IActorRef> _plugins = new(StringComparer.Ordinal);

    internal PersistenceExtension(ExtendedActorSystem system)
    {
        _system = system;
        _config = system.Settings.Config.WithFallback(Defaults);
        var permits = _config.GetInt("akka.persistence.max-concurrent-recoveries");
        RecoveryPermitter = system.SystemActorOf(Props.Create(() => new RecoveryPermitter(permits)), "recoveryPermitter");
    }

    /// <summary>Limits how many actors recover at once.</summary>
    internal IActorRef RecoveryPermitter { get; }

    internal static PersistenceExtension For(ActorSystem system) => Persistence.Instance.Apply(system);

    /// <summary>Finds or starts a journal; null or empty names the default one.</summary>
    /// <exception cref="ConfigurationException">The plugin is not configured, or its class is not there.</exception>
    public IActorRef JournalFor(string? pluginId) => Plugin(JournalId(pluginId), "journal-plugin-fallback");

    /// <summary>Finds or starts a snapshot store; null or empty names the default one.</summary>
    /// <exception cref="ConfigurationException">The plugin is not configured, or its class is not there.</exception>
    public IActorRef SnapshotStoreFor(string? pluginId)
    {
        if (string.IsNullOrEmpty(pluginId))
            pluginId = _config.GetString("akka.persistence.snapshot-store.plugin");
        return Plugin(string.IsNullOrEmpty(pluginId) ? NoSnapshotStoreId : pluginId, "snapshot-store-plugin-fallback");
    }

    /// <summary>How long a recovering actor waits for the next event.</summary>
    internal TimeSpan RecoveryEventTimeout(string? journalPluginId) =>
        ConfigOf(JournalId(journalPluginId), "journal-plugin-fallback").GetTimeSpan("recovery-event-timeout", null, allowInfinite: false);

    /// <summary>The configuration of a journal, by its own actor.</summary>
    internal Config ConfigOfJournal(IActorRef journal) => ConfigOf(journal.Path.Name, "journal-plugin-fallback");

    /// <summary>The configuration of a snapshot store, by its own actor.</summary>
    internal Config ConfigOfSnapshotStore(IActorRef store) => ConfigOf(store.Path.Name, "snapshot-store-plugin-fallback");

    private string JournalId(string? pluginId)
    {
        if (string.IsNullOrEmpty(pluginId))
            pluginId = _config.GetString("akka.persistence.journal.plugin");
        return string.IsNullOrEmpty(pluginId) ? throw new ConfigurationException("akka.persistence.journal.plugin names no journal") : pluginId;
    }

    private Config ConfigOf(string pluginId, string fallback)
    {
        var config = _config.GetConfig(pluginId) ?? throw new ConfigurationException($"persistence plugin {pluginId} is not configured");
        return config.WithFallback(_config.GetConfig($"akka.persistence.{fallback}"));
    }

    private IActorRef Plugin(string id, string fallback)
    {
        lock (_lock)
        {
            if (!_plugins.TryGetValue(id, out var plugin))
                _plugins[id] = plugin = _system.SystemActorOf(PluginProps(id, ConfigOf(id, fallback)), id);
            return plugin;
        }
    }

    /// <summary>The classes of this assembly are named here, so that trimming keeps them; an other assembly keeps its own.</summary>
    private static Props PluginProps(string id, Config config)
    {
        var name = config.GetString("class");
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException($"persistence plugin {id} has no class");
        return name switch
        {
            "Mesh.Actors.Engine.Persistence.Journal.MemoryJournal, Mesh.Actors.Engine" => Props.Create(() => new MemoryJournal()),
            "Mesh.Actors.Engine.Persistence.Snapshot.MemorySnapshotStore, Mesh.Actors.Engine" => Props.Create(() => new MemorySnapshotStore()),
            "Mesh.Actors.Engine.Persistence.Snapshot.NoSnapshotStore, Mesh.Actors.Engine" => Props.Create(() => new NoSnapshotStore()),
            _ => ForeignPluginProps(id, name, config),
        };
    }

    [UnconditionalSuppressMessage("Trimming", "IL2057", Justification = "The program that configures a plugin of its own keeps its constructors.")]
    private static Props ForeignPluginProps(string id, string name, Config config)
    {
        var type = Type.GetType(name, throwOnError: false)
            ?? throw new ConfigurationException($"persistence plugin {id}: there is no class \"{name}\"");
        if (!typeof(ActorBase).IsAssignableFrom(type))
            throw new ConfigurationException($"persistence plugin {id}: class \"{name}\" is not an actor");
        return type.GetConstructor(BindingFlags.Instance | BindingFlags.Public, [typeof(Config)]) is not null
            ? Props.Create(type, config)
            : Props.Create(type);
    }
}
