//! Every limit of the program in one place, so that hostile input meets a number and not a surprise.

/// The most files, roots or hosts that a thread takes at once: what it still has of them when the others are done, they
/// wait for.
pub(crate) const PORTION: usize = 32;

/// What one run may read, nest and expand. Bytes, nodes and steps are counted, never time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file that is read, in bytes.
    pub file_bytes: u64,
    /// The largest Terraform plan that is read, in bytes: a plan holds every value of every resource.
    pub plan_bytes: u64,
    /// The most files that one run reads.
    pub files: usize,
    /// The longest Terraform or Packer file in HCL that is parsed, in bytes.
    pub hcl_bytes: usize,
    /// The most scalars and collections that are read of one YAML or JSON file.
    pub tree_nodes: usize,
    /// The longest that all texts of one CloudFormation template may be once its loops are written out and its files
    /// included, in bytes. CloudFormation itself takes 1 MB.
    pub template_bytes: usize,
    /// The deepest nesting of YAML and JSON collections and of intrinsic functions that is followed.
    pub depth: usize,
    /// The deepest nesting of expressions that are evaluated, references to other values included.
    pub evaluation_depth: usize,
    /// The deepest nesting of module calls that is followed.
    pub module_depth: usize,
    /// The most module calls, stacks, resources and blocks that one root expands to.
    pub instances: usize,
    /// The most elements that one collection may get by evaluation (`for`, `range`, `split`, …).
    pub elements: usize,
    /// The most values that one value may hold at all depths together to be converted, compared or encoded.
    pub nodes: usize,
    /// The most evaluation steps for one root.
    pub steps: u64,
    /// The most memory of texts and collections that evaluation builds for one root, all together, in bytes.
    pub built_bytes: usize,
    /// The most evaluation steps for all roots of one run together, and as many for all templates.
    pub run_steps: u64,
    /// The same for the memory of texts and collections, in bytes.
    pub run_built_bytes: usize,
    /// The same for module calls, resources and blocks.
    pub run_instances: usize,
    /// The longest text that evaluation builds, in bytes.
    pub text_bytes: usize,
    /// The most files of one folder that the upload of the whole folder is followed for.
    pub uploaded_files: usize,
    /// The longest script that is parsed, in bytes.
    pub script_bytes: usize,
    /// The longest PowerShell script that is parsed, in bytes: its grammar takes more time and memory.
    pub powershell_bytes: usize,
    /// The most alternatives that a value keeps before it counts as unknown.
    pub alternatives: usize,
    /// The most ways through a script that are followed side by side; more are joined.
    pub script_paths: usize,
    /// The most statements and words that the simulated guest runs for one script.
    pub script_steps: u64,
    /// The most steps that the boots of the hosts of one project share out among them; scripts and documents that no host
    /// is given are a project together.
    pub boot_steps: u64,
    /// The most rules and open questions of packet filters that are looked at for the hosts of one project together, or for
    /// one image.
    pub verdict_steps: u64,
    /// The most steps for all scripts of one image build together.
    pub build_steps: u64,
    /// The most problems that are reported for one file.
    pub problems_per_file: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            plan_bytes: 64 << 20,
            files: 200_000,
            hcl_bytes: 640 << 10,
            tree_nodes: 200_000,
            template_bytes: 2 << 20,
            depth: 200,
            evaluation_depth: 1_000,
            module_depth: 32,
            instances: 5_000,
            elements: 20_000,
            nodes: 100_000,
            steps: 5_000_000,
            built_bytes: 48 << 20,
            run_steps: 30_000_000,
            run_built_bytes: 96 << 20,
            run_instances: 20_000,
            text_bytes: 1 << 20,
            uploaded_files: 1_000,
            script_bytes: 256 << 10,
            powershell_bytes: 128 << 10,
            alternatives: 16,
            script_paths: 8,
            script_steps: 20_000,
            boot_steps: 1_000_000,
            verdict_steps: 12_000_000,
            build_steps: 60_000,
            problems_per_file: 20,
        }
    }
}
